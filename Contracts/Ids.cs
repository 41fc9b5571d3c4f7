using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;

namespace FaceSearch;

/// <summary>Rules for the names that callers choose. Grain keys are built from them, so neither holds a '/'.</summary>
public static class Ids
{
    /// <summary>Longest gallery id, in characters.</summary>
    public const int MaxGallery = 63;

    /// <summary>Longest identity id, in characters.</summary>
    public const int MaxIdentity = 128;

    /// <summary>Longest operation id, in characters.</summary>
    public const int MaxOperation = 128;

    /// <summary>Lower-case letters, digits, '-', '_' and '.', starting with a letter or digit; at most 63.</summary>
    public static bool IsGallery([NotNullWhen(true)] string? id) =>
        id is { Length: > 0 and <= MaxGallery } && char.IsAsciiLetterOrDigit(id[0])
        && id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.');

    /// <summary>1 to 128 characters, no control characters, no '/', '\' or '%', no space at either end.</summary>
    public static bool IsIdentity([NotNullWhen(true)] string? id) =>
        id is { Length: > 0 and <= MaxIdentity } && id is not ("." or "..") && id.Trim().Length == id.Length
        && !id.Any(c => char.IsControl(c) || char.IsSurrogate(c) || c is '/' or '\\' or '%');

    /// <summary>1 to 128 visible ASCII characters.</summary>
    public static bool IsOperation([NotNullWhen(true)] string? id) =>
        id is { Length: > 0 and <= MaxOperation } && id.All(c => c is > ' ' and < (char)127);

    /// <summary>
    /// The identity id for an enrolment that names none: derived from the operation id, so that a retry of the same
    /// operation reaches the same identity and is recognised.
    /// </summary>
    public static string IdentityFor(string gallery, string operation) =>
        "p-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{gallery}\n{operation}")).AsSpan(0, 12));

    /// <summary>The key of an identity's grain.</summary>
    public static string IdentityKey(string gallery, string identity) => $"{gallery}/{identity}";

    /// <summary>The two parts of <see cref="IdentityKey"/>.</summary>
    public static (string Gallery, string Identity) ParseIdentityKey(string key)
    {
        int slash = key.IndexOf('/', StringComparison.Ordinal);
        return (key[..slash], key[(slash + 1)..]);
    }
}

/// <summary>
/// A template's id: 64 bits, unique in its gallery, stable when it moves between shards or generations, and the id under
/// which the vector index knows it. 41 bits of milliseconds since 2024, 22 random bits; always positive.
/// </summary>
[GenerateSerializer, Immutable, Alias("fs.TemplateId")]
[System.Text.Json.Serialization.JsonConverter(typeof(Http.TemplateIdJsonConverter))]
public readonly record struct TemplateId([property: Id(0)] long Value)
{
    private static readonly DateTimeOffset Origin = new(2024, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>A new id; the shard refuses the rare collision and the caller draws again.</summary>
    public static TemplateId New(TimeProvider time)
    {
        long milliseconds = (long)(time.GetUtcNow() - Origin).TotalMilliseconds & ((1L << 41) - 1);
        return new((milliseconds << 22) | (uint)RandomNumberGenerator.GetInt32(1 << 22));
    }

    /// <summary>Sixteen lower-case hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static bool TryParse(string? text, out TemplateId id)
    {
        bool ok = long.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long value)
            && text!.Length == 16 && value > 0;
        id = new(ok ? value : 0);
        return ok;
    }
}

/// <summary>One shard of one gallery in one model generation; embeddings of different generations never meet.</summary>
/// <param name="Gallery">Gallery id.</param>
/// <param name="Generation">Model generation of the gallery, from 1.</param>
/// <param name="Shard">Shard number, from 0.</param>
[GenerateSerializer, Immutable, Alias("fs.ShardId")]
public readonly record struct ShardId([property: Id(0)] string Gallery, [property: Id(1)] int Generation, [property: Id(2)] int Shard)
{
    /// <summary>The key of the shard's grain: <c>gallery/generation/shard</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Gallery}/{Generation}/{Shard}");

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static ShardId Parse(string key)
    {
        string[] parts = key.Split('/');
        return new(parts[0], int.Parse(parts[1], CultureInfo.InvariantCulture), int.Parse(parts[2], CultureInfo.InvariantCulture));
    }
}

/// <summary>The fixed hash that spreads identities over a gallery's buckets.</summary>
public static class Buckets
{
    /// <summary>Number of buckets of every gallery. Shards own buckets; moving one is the unit of rebalancing.</summary>
    public const int Count = 4096;

    /// <summary>The bucket of an identity. Part of the stored format: never change it.</summary>
    public static int Of(string identity) =>
        (int)(XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(identity)) % Count);
}
