using System.IO.Hashing;
using System.Text;

namespace FaceSearch.Storage;

/// <summary>Names an identity in tombstones without keeping its name: XxHash3-64 of the id's UTF-8 bytes.</summary>
public static class IdentityHash
{
    /// <summary>The hash. Part of the stored format: never change it.</summary>
    public static ulong Of(string identity) => XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(identity));
}
