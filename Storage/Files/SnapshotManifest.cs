using System.Buffers;
using System.IO.Hashing;
using System.Text;
using System.Text.Json;

namespace FaceSearch.Storage.Files;

/// <summary>
/// The file <c>manifest</c> of a snapshot: one line of JSON, then a line with the XxHash128 of the first (without its line
/// break) in 32 hexadecimal digits. Nothing else, so that every byte of it is covered.
/// </summary>
internal sealed record SnapshotManifest
{
    public const string FileName = "manifest";

    private const int HashDigits = 32, Version = 1;

    public int Format { get; init; } = Version;

    public required ShardId Shard { get; init; }

    public required SnapshotLabel Label { get; init; }

    public required IReadOnlyList<Entry> Files { get; init; }

    /// <param name="Path">Relative, with '/'.</param>
    /// <param name="Length">Bytes.</param>
    /// <param name="Hash">XxHash128 of the bytes, 32 hexadecimal digits.</param>
    public sealed record Entry(string Path, long Length, string Hash);

    public byte[] Encode()
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(this);
        return [.. json, (byte)'\n', .. Encoding.ASCII.GetBytes(Convert.ToHexStringLower(XxHash128.Hash(json))), (byte)'\n'];
    }

    /// <summary>Null if it is not exactly what <see cref="Encode"/> wrote.</summary>
    public static SnapshotManifest? Decode(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.Length - HashDigits - 2;
        if (end < 0 || bytes[end] != '\n' || bytes[^1] != '\n')
            return null;
        ReadOnlySpan<byte> json = bytes[..end];
        if (!bytes[(end + 1)..^1].SequenceEqual(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(XxHash128.Hash(json)))))
            return null;
        var manifest = JsonSerializer.Deserialize<SnapshotManifest>(json);
        return manifest?.Format == Version ? manifest : null;
    }

    /// <summary>Describes (and flushes) a file of a snapshot that is being made, or reads one that is being verified.</summary>
    public static Entry Describe(string folder, string path, bool flush)
    {
        using var file = new FileStream(Path.Combine(folder, path), FileMode.Open, flush ? FileAccess.ReadWrite : FileAccess.Read, FileShare.Read, 0);
        var hash = new XxHash128();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 20);
        try
        {
            for (int read; (read = file.Read(buffer)) > 0;)
                hash.Append(buffer.AsSpan(0, read));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        if (flush)
            file.Flush(flushToDisk: true);
        return new(path, file.Length, Convert.ToHexStringLower(hash.GetCurrentHash()));
    }
}
