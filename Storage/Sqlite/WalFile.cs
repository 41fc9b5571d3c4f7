using System.Buffers.Binary;

namespace FaceSearch.Storage.Sqlite;

/// <summary>
/// Reads a write-ahead log before SQLite does. SQLite keeps everything before the first bad frame and drops the rest
/// without a word: right for a torn tail, wrong for damage in the middle. Format: sqlite.org/fileformat2.html, section 4.
/// <code>
/// header 32: magic u32 | version u32 | page size u32 | checkpoint u32 | salt u64 | checksum 2 x u32     (big-endian)
/// frame:     page u32 | database pages after commit, else 0 u32 | salt u64 | checksum 2 x u32 | page bytes
/// </code>
/// A frame's checksum continues that of the frame before. With synchronous=FULL the first frame of a transaction is
/// written only after the transaction before it was flushed, so an intact frame behind a bad one in an earlier
/// transaction proves that acknowledged bytes were damaged.
/// </summary>
internal static class WalFile
{
    private const int HeaderLength = 32, FrameHeaderLength = 24, FrameLength = FrameHeaderLength + LogSchema.PageSize;
    private const uint LittleEndianSums = 0x377F0682, BigEndianSums = 0x377F0683, FormatVersion = 3007000;

    /// <param name="Damage">What is broken; null if nothing.</param>
    /// <param name="TornBytes">Bytes after the last complete commit that SQLite will discard.</param>
    /// <param name="TornFrames">The same in (begun) frames.</param>
    public sealed record Report(string? Damage, long TornBytes, long TornFrames)
    {
        public static Report Clean { get; } = new(null, 0, 0);
    }

    public static Report Inspect(string file)
    {
        if (!File.Exists(file))
            return Report.Clean;
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16);
        long length = stream.Length;
        if (length == 0)
            return Report.Clean;
        Span<byte> header = stackalloc byte[HeaderLength];
        if (stream.ReadAtLeast(header, HeaderLength, throwOnEndOfStream: false) < HeaderLength)
            return new(null, length, 0);
        long frames = (length - HeaderLength) / FrameLength;
        uint magic = U32(header);
        bool bigEndian = magic == BigEndianSums;
        (uint, uint) sum = Sum(header[..24], (0, 0), bigEndian);
        if (magic is not (LittleEndianSums or BigEndianSums) || U32(header[4..]) != FormatVersion || U32(header[8..]) != LogSchema.PageSize
            || sum != Stored(header[24..]))
            return frames == 0 ? new(null, length, 0) : new($"write-ahead log damaged in its header, {frames} frames after it", 0, 0);
        return InspectFrames(stream, frames, (length - HeaderLength) % FrameLength, header[16..24].ToArray(), sum, bigEndian);
    }

    private static Report InspectFrames(FileStream stream, long frames, long rest, byte[] salt, (uint, uint) sum, bool bigEndian)
    {
        byte[] frame = new byte[FrameLength];
        long committed = 0, bad = 0, lastOurs = 0;
        bool commitSinceBad = false;
        for (long i = 1; i <= frames; i++)
        {
            stream.ReadExactly(frame);
            Span<byte> head = frame.AsSpan(0, FrameHeaderLength);
            (uint, uint) stored = Stored(head[16..]);
            bool chained = Sum(frame.AsSpan(FrameHeaderLength), Sum(head[..8], sum, bigEndian), bigEndian) == stored;
            bool ours = head[8..16].SequenceEqual(salt);
            bool commit = U32(head[4..]) != 0;
            sum = stored;
            if (ours)
                lastOurs = i;
            if (bad == 0)
            {
                if (chained && ours)
                {
                    committed = commit ? i : committed;
                    continue;
                }
                if (chained)
                    return new($"write-ahead log damaged at frame {i} of {frames}: its salt", 0, 0);
                bad = i;
            }
            else if (ours && chained && commitSinceBad)
            {
                return new($"write-ahead log damaged at frame {bad} of {frames}: intact frames of later commits follow", 0, 0);
            }
            commitSinceBad |= ours && commit;
        }
        // Frames with another salt are left over from before the log was last restarted, and mean nothing.
        bool stale = lastOurs < frames;
        long torn = Math.Max(0, lastOurs - committed);
        bool tornRest = rest > 0 && !stale;
        return new(null, (torn * FrameLength) + (tornRest ? rest : 0), torn + (tornRest ? 1 : 0));
    }

    /// <summary>SQLite's running checksum: two Fibonacci-weighted sums over 32-bit words, of which <paramref name="bytes"/> holds an even number.</summary>
    private static (uint, uint) Sum(ReadOnlySpan<byte> bytes, (uint A, uint B) seed, bool bigEndian)
    {
        (uint a, uint b) = seed;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            a += (bigEndian ? U32(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes)) + b;
            b += (bigEndian ? U32(bytes[4..]) : BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..])) + a;
        }
        return (a, b);
    }

    private static (uint, uint) Stored(ReadOnlySpan<byte> at) => (U32(at), U32(at[4..]));

    private static uint U32(ReadOnlySpan<byte> at) => BinaryPrimitives.ReadUInt32BigEndian(at);
}
