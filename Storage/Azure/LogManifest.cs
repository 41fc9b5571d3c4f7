using System.IO.Hashing;
using System.Text;
using System.Text.Json;

namespace FaceSearch.Storage.Azure;

/// <summary>What a blob of a log holds.</summary>
internal enum LogPartKind
{
    /// <summary>Rows of all tables but <c>templates</c>.</summary>
    Rows,

    /// <summary>Rows of <c>templates</c> in a range of LSNs.</summary>
    Templates,

    /// <summary>An append blob of groups of changes.</summary>
    Groups,
}

/// <summary>One blob of a log.</summary>
/// <param name="Name">Full name of the blob.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Length">Bytes; -1 for the segment that is being appended to.</param>
/// <param name="End">Hash of the last frame, 16 hexadecimal digits; empty for the open segment.</param>
/// <param name="First">Templates: rows after this LSN.</param>
/// <param name="Last">Templates: rows up to this LSN.</param>
/// <param name="Count">Templates: rows.</param>
/// <param name="At">Rows and templates: the LSN of the state they were written from.</param>
/// <param name="After">Groups: <paramref name="End"/> of the segment that it continues, which may be gone by now; empty if there was none.</param>
internal sealed record LogPart(string Name, LogPartKind Kind, long Length = -1, string End = "", long First = 0, long Last = 0, int Count = 0, long At = 0, string After = "");

/// <summary>
/// The blob <c>head</c> of a log: who may write and which blobs make it up, in order. It is only ever replaced under the
/// condition that it is still the one that was read.
/// </summary>
internal sealed record LogManifest
{
    public const string BlobName = "head";
    private const int Version = 1;

    public int Format { get; init; } = Version;

    public required ShardId Shard { get; init; }

    /// <summary>Drawn when the log is created: a log that was deleted and made again shares no blob with the earlier one.</summary>
    public required string Incarnation { get; init; }

    public required long Epoch { get; init; }

    /// <summary>Drawn for every write, so that a writer recognises its own.</summary>
    public required string Token { get; init; }

    public required IReadOnlyList<LogPart> Parts { get; init; }

    public static string Draw() => Guid.NewGuid().ToString("n");

    public byte[] Encode() => SealedJson.Encode(this);

    /// <summary>Null if it is not exactly what <see cref="Encode"/> wrote.</summary>
    public static LogManifest? Decode(ReadOnlySpan<byte> bytes) => SealedJson.Decode<LogManifest>(bytes) is { Format: Version } manifest ? manifest : null;
}

/// <summary>One line of JSON, then a line with the XxHash128 of the first (without its line break) in 32 hexadecimal digits.</summary>
internal static class SealedJson
{
    private const int HashDigits = 32;

    public static byte[] Encode<T>(T value)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(value);
        return [.. json, (byte)'\n', .. Seal(json), (byte)'\n'];
    }

    public static T? Decode<T>(ReadOnlySpan<byte> bytes)
        where T : class
    {
        int end = bytes.Length - HashDigits - 2;
        if (end < 0 || bytes[end] != '\n' || bytes[^1] != '\n' || !bytes[(end + 1)..^1].SequenceEqual(Seal(bytes[..end])))
            return null;
        return JsonSerializer.Deserialize<T>(bytes[..end]);
    }

    private static byte[] Seal(ReadOnlySpan<byte> json) => Encoding.ASCII.GetBytes(Convert.ToHexStringLower(XxHash128.Hash(json)));
}
