using System.IO.Hashing;
using System.Text;

namespace FaceSearch.Storage;

/// <summary>The hash that names an erased identity without keeping its name. Part of every stored format: never change it.</summary>
public static class IdentityHash
{
    /// <summary>XxHash3 (64 bits, seed 0) of the id's UTF-8 bytes.</summary>
    public static ulong Of(string identity) => XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(identity));
}
