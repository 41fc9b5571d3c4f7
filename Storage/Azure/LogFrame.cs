using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace FaceSearch.Storage.Azure;

internal enum LogFrameKind : byte
{
    Changes = 1,
    ClearOutbox = 2,
    Rows = 3,
}

/// <summary>
/// The unit of every part of a log: one AppendBlock, or one chunk of rows.
/// <code>
/// magic u32 "FSaf" | kind u8 | 0 u8 x 3 | epoch i64 | payload length u32 | prior u64 | payload | hash u64   (little-endian)
/// </code>
/// The hash is XxHash3 of all before it; prior is the hash of the frame before, for the first frame that of the part's name: no
/// frame can be lost, doubled, exchanged or moved to another blob without a trace.
/// </summary>
internal sealed record LogFrame(LogFrameKind Kind, long Epoch, byte[] Payload)
{
    private const uint Magic = 0x66615346;
    private const int HeaderLength = 28, HashLength = 8, MaxPayload = 100 << 20;

    /// <summary>What the first frame of a part has as prior.</summary>
    public static ulong Beginning(string part) => XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(part));

    /// <summary>A hash as a head names it.</summary>
    public static string Hex(ulong hash) => hash.ToString("x16", CultureInfo.InvariantCulture);

    public byte[] Encode(ulong prior, out ulong hash)
    {
        byte[] bytes = new byte[HeaderLength + Payload.Length + HashLength];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        bytes[4] = (byte)Kind;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), Epoch);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(16), Payload.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(20), prior);
        Payload.CopyTo(bytes, HeaderLength);
        hash = XxHash3.HashToUInt64(bytes.AsSpan(0, bytes.Length - HashLength));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(bytes.Length - HashLength), hash);
        return bytes;
    }

    /// <summary>Reads the next frame; null where <paramref name="left"/> is 0.</summary>
    /// <param name="stream">Positioned at a frame.</param>
    /// <param name="left">Bytes of the part from here on.</param>
    /// <param name="prior">Hash of the frame before; on return that of this one.</param>
    /// <exception cref="InvalidDataException">What is there is no frame, or not the next one.</exception>
    public static (LogFrame Frame, ulong Hash, long Bytes)? Read(Stream stream, long left, ulong prior)
    {
        if (left == 0)
            return null;
        if (left < HeaderLength + HashLength)
            throw new InvalidDataException("it ends within a frame");
        byte[] header = new byte[HeaderLength];
        stream.ReadExactly(header);
        int length = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(16));
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != Magic || length is < 0 or > MaxPayload || left < HeaderLength + length + HashLength)
            throw new InvalidDataException("a frame's header is broken");
        byte[] rest = new byte[length + HashLength];
        stream.ReadExactly(rest);
        XxHash3 hasher = new();
        hasher.Append(header);
        hasher.Append(rest.AsSpan(0, length));
        ulong hash = BinaryPrimitives.ReadUInt64LittleEndian(rest.AsSpan(length));
        if (hasher.GetCurrentHashAsUInt64() != hash)
            throw new InvalidDataException("a frame contradicts its checksum");
        if (BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(20)) != prior)
            throw new InvalidDataException("a frame is missing or out of place");
        var frame = new LogFrame((LogFrameKind)header[4], BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(8)), rest[..length]);
        return (frame, hash, HeaderLength + length + HashLength);
    }
}
