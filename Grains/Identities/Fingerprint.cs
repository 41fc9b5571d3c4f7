using System.IO.Hashing;
using System.Text;

namespace FaceSearch.Grains.Identities;

/// <summary>
/// A 64-bit hash of what a request asks for, so that an operation id used again for something else is noticed. It is keyed by
/// nothing and compared only with its like; 64 bits of a 4,096-bit embedding reveal nothing of it.
/// </summary>
internal static class Fingerprint
{
    public static ulong Of(EnrolCommand command)
    {
        XxHash3 hash = new();
        if (command.ContentHash is { } content)
            hash.Append(BitConverter.GetBytes(content));
        else
            foreach (NewTemplate template in command.Templates)
                hash.Append(template.Embedding.Bytes);
        Append(hash, command.Metadata);
        return hash.GetCurrentHashAsUInt64();
    }

    public static ulong Of(string verb, IReadOnlyDictionary<string, string>? metadata = null, TemplateId template = default)
    {
        XxHash3 hash = new();
        hash.Append(Encoding.UTF8.GetBytes($"{verb}\n{template}\n"));
        Append(hash, metadata);
        return hash.GetCurrentHashAsUInt64();
    }

    private static void Append(XxHash3 hash, IReadOnlyDictionary<string, string>? metadata)
    {
        if (metadata is null)
            return;
        foreach ((string key, string value) in metadata.OrderBy(p => p.Key, StringComparer.Ordinal))
            hash.Append(Encoding.UTF8.GetBytes($"{key.Length}:{key}={value.Length}:{value}\n"));
    }
}
