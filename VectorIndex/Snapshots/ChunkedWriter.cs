using System.IO.Hashing;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace FaceSearch.VectorIndex.Snapshots;

/// <summary>Writes sections front to back through one buffer, hashing each chunk exactly as it goes to the file.</summary>
internal sealed unsafe class ChunkedWriter(SafeFileHandle file)
{
    private readonly byte[] _buffer = new byte[SnapshotFormat.ChunkBytes];
    private int _used;
    private long _sectionBytes;

    public long Position { get; private set; }
    public List<Section> Sections { get; } = [];
    public List<ulong> Hashes { get; } = [];

    public void Begin(SectionKind kind, int level)
    {
        Sections.Add(new Section((int)kind, level, Position, 0));
        _sectionBytes = 0;
    }

    public void Append(void* data, long length)
    {
        byte* at = (byte*)data;
        while (length > 0)
        {
            int n = (int)Math.Min(length, _buffer.Length - _used);
            new ReadOnlySpan<byte>(at, n).CopyTo(_buffer.AsSpan(_used));
            Advance(n);
            at += n;
            length -= n;
        }
    }

    public void AppendZeros(long length)
    {
        while (length > 0)
        {
            int n = (int)Math.Min(length, _buffer.Length - _used);
            _buffer.AsSpan(_used, n).Clear();
            Advance(n);
            length -= n;
        }
    }

    /// <summary>Ends the section: pads it and writes its last chunk.</summary>
    public void End()
    {
        long length = _sectionBytes;
        AppendZeros(SnapshotFormat.Pad(length) - length);
        if (_used > 0) Flush();
        Sections[^1] = Sections[^1] with { Length = length };
    }

    /// <summary>Metadata and footer, after the last section.</summary>
    public void Finish(SnapshotHeader header)
    {
        header.SectionCount = Sections.Count;
        header.ChunkCount = Hashes.Count;
        byte[] metadata =
        [
            .. MemoryMarshal.AsBytes(new ReadOnlySpan<SnapshotHeader>(in header)),
            .. MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(Sections)),
            .. MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(Hashes)),
        ];
        RandomAccess.Write(file, metadata, Position);
        Span<ulong> footer = stackalloc ulong[SnapshotFormat.FooterBytes / 8];
        footer.Clear();
        footer[0] = SnapshotFormat.FooterMagic;
        footer[1] = SnapshotFormat.Version;
        footer[2] = (ulong)Position;
        footer[3] = (ulong)metadata.Length;
        footer[4] = XxHash3.HashToUInt64(metadata);
        footer[5] = (ulong)(Position + metadata.Length + SnapshotFormat.FooterBytes);
        footer[7] = XxHash3.HashToUInt64(MemoryMarshal.AsBytes(footer[..7]));
        RandomAccess.Write(file, MemoryMarshal.AsBytes(footer), Position + metadata.Length);
        RandomAccess.FlushToDisk(file);
    }

    private void Advance(int n)
    {
        _used += n;
        _sectionBytes += n;
        if (_used == _buffer.Length) Flush();
    }

    private void Flush()
    {
        Span<byte> chunk = _buffer.AsSpan(0, _used);
        Hashes.Add(XxHash3.HashToUInt64(chunk));
        RandomAccess.Write(file, chunk, Position);
        Position += _used;
        _used = 0;
    }
}
