using System.Buffers.Binary;
using System.IO.Hashing;

namespace FaceSearch.Storage.Sqlite;

/// <summary>
/// <c>log.ack</c>: how far commits have been acknowledged. It is written after the flush of a commit and before its
/// answers, and is not flushed itself: it may be behind the log (after a power cut) but never ahead of it. So a log that
/// ends before its mark has lost acknowledged commits, even where the cut is clean and leaves no other trace.
/// <code>magic "FSack\0\0\1" | lsn i64 | digest u64 | XxHash3 of the 24 bytes before</code>
/// </summary>
internal sealed class AcknowledgementMark : IDisposable
{
    private const int Length = 32;
    private static ReadOnlySpan<byte> Magic => "FSack\0\0\u0001"u8;
    private readonly Microsoft.Win32.SafeHandles.SafeFileHandle _file;

    private AcknowledgementMark(Microsoft.Win32.SafeHandles.SafeFileHandle file) => _file = file;

    /// <summary>Opens or creates the file.</summary>
    public static AcknowledgementMark Open(string path) =>
        new(File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete));

    /// <summary>The mark; null if the file is empty or unreadable (<paramref name="damaged"/>).</summary>
    public (long Lsn, ulong Digest)? Read(out bool damaged)
    {
        Span<byte> bytes = stackalloc byte[Length + 1];
        int read = RandomAccess.Read(_file, bytes, 0);
        bytes = bytes[..Length];
        damaged = read != Length || !bytes.StartsWith(Magic)
            || XxHash3.HashToUInt64(bytes[..24]) != BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]);
        return damaged ? null : (BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]));
    }

    public void Write(long lsn, ulong digest)
    {
        Span<byte> bytes = stackalloc byte[Length];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], lsn);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], digest);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[24..], XxHash3.HashToUInt64(bytes[..24]));
        RandomAccess.Write(_file, bytes, 0);
    }

    /// <summary>Forgets what a damaged, longer file may hold.</summary>
    public void Reset() => RandomAccess.SetLength(_file, 0);

    public void Dispose() => _file.Dispose();
}
