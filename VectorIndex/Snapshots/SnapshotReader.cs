using System.IO.Hashing;
using System.Runtime.InteropServices;
using FaceSearch.VectorIndex.Graph;
using FaceSearch.VectorIndex.Store;
using Microsoft.Win32.SafeHandles;

namespace FaceSearch.VectorIndex.Snapshots;

/// <summary>
/// Opens a snapshot: every byte is verified before anything is answered. Each chunk is read once, hashed while it is in the cache, and
/// copied to its place; vectors that are to stay mapped are hashed only.
/// </summary>
internal sealed unsafe class SnapshotReader : IDisposable
{
    [ThreadStatic]
    private static byte[]? t_buffer;

    private readonly SafeFileHandle _file;
    private readonly long _length;
    private readonly SnapshotHeader _header;
    private readonly Section[] _sections;
    private readonly ulong[] _hashes;

    public SnapshotReader(string path)
    {
        _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        try
        {
            _length = RandomAccess.GetLength(_file);
            byte[] metadata = ReadMetadata();
            int headerBytes = sizeof(SnapshotHeader);
            if (metadata.Length < headerBytes) throw new IndexDamagedException("metadata", "too short");
            _header = MemoryMarshal.Read<SnapshotHeader>(metadata);
            long tableBytes = headerBytes + ((long)_header.SectionCount * sizeof(Section)) + (_header.ChunkCount * 8);
            if (_header.SectionCount < 1 || _header.ChunkCount < 1 || tableBytes != metadata.Length) throw new IndexDamagedException("metadata", "tables do not fit");
            ReadOnlySpan<byte> tables = metadata.AsSpan(headerBytes);
            _sections = MemoryMarshal.Cast<byte, Section>(tables[..(_header.SectionCount * sizeof(Section))]).ToArray();
            _hashes = MemoryMarshal.Cast<byte, ulong>(tables[(_header.SectionCount * sizeof(Section))..]).ToArray();
            CheckTables(_length - SnapshotFormat.FooterBytes - metadata.Length);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>The options with what the file fixes.</summary>
    public T Merge<T>(T options)
        where T : HnswOptions => options with { Dimension = _header.Dimension, M = _header.M > 0 ? _header.M : options.M };

    public bool HasGraph => _header.LayerCount > 0;

    /// <summary>Everything but the graph. Where no graph will be read, its sections are verified all the same.</summary>
    public SlotStore ReadStore(IndexOptions options, bool graphFollows = false)
    {
        if (_header.HasVectors == 0 && options.Storage != VectorStorage.CodesOnly)
            throw new ArgumentException("The snapshot holds codes only; load it with VectorStorage.CodesOnly.", nameof(options));
        var store = new SlotStore(options with { Dimension = _header.Dimension, InitialCapacity = 0, MaxVectors = (int)Math.Max(options.MaxVectors, _header.Slots) });
        try
        {
            int slots = (int)_header.Slots;
            Section? vectors = _header.HasVectors != 0 ? Find(SectionKind.Vectors, 0, _header.Slots * _header.Dimension * sizeof(float)) : null;
            bool mapped = options.Storage == VectorStorage.Mapped && slots > 0 && store.TryMapVectors(_file, vectors!.Value);
            store.BeginRestore(slots, _header.Step, _header.MaxResidual);
            Read(Find(SectionKind.Preamble, 0, SnapshotFormat.PreambleBytes), null);
            if (vectors is { } section) Read(section, mapped || !store.HasVectors ? null : (byte*)store.Vector(0));
            Read(Find(SectionKind.Codes, 0, _header.Slots * _header.Stride), store.Codes.Base);
            Read(Find(SectionKind.Ids, 0, _header.Slots * sizeof(long)), (byte*)store.Ids);
            Read(Find(SectionKind.States, 0, _header.Slots), store.States);
            if (!graphFollows || !HasGraph)
            {
                foreach (Section other in _sections)
                {
                    if (other.Kind is SectionKind.Links or SectionKind.LayerSlots or SectionKind.LayerBelow) Read(other, null);
                }
            }

            store.CompleteRestore(_header.Count);
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>The graph, or null if the snapshot has none. Slots must have been read with <c>graphFollows</c>.</summary>
    public HnswGraph? ReadGraph(SlotStore store, HnswOptions options)
    {
        if (!HasGraph) return null;
        var graph = new HnswGraph(store, options with { InitialCapacity = (int)_header.Slots, MaxVectors = store.Options.MaxVectors });
        try
        {
            int slots = (int)_header.Slots;
            int upper = 0;
            for (int level = 0; level < _header.LayerCount; level++)
            {
                if (level > 0) graph.AddLayer();
                GraphLayer layer = graph.Layers[level];
                Section links = Find(SectionKind.Links, level, null);
                long nodes = links.Length / (layer.Width * sizeof(int));
                if (nodes * layer.Width * sizeof(int) != links.Length || (level == 0 ? nodes != slots : nodes > slots))
                    throw new IndexDamagedException(links.Name, "length does not fit the slots");
                layer.BeginRestore((int)nodes);
                if (nodes > 0) Read(links, (byte*)layer.Links(0));
                else Read(links, null);
                if (level > 0)
                {
                    Read(Find(SectionKind.LayerSlots, level, nodes * sizeof(int)), (byte*)layer.Slots);
                    Read(Find(SectionKind.LayerBelow, level, nodes * sizeof(int)), (byte*)layer.BelowBase);
                }

                if (!layer.CompleteRestore(slots, upper)) throw new IndexDamagedException(links.Name, "a node number is out of range");
                upper = (int)nodes;
            }

            graph.CompleteRestore(slots, _header.LevelsDrawn);
            if (_header.EntryLevel >= _header.LayerCount || (_header.EntryLevel >= 0 && ((uint)_header.EntryNode >= (uint)graph.Layers[_header.EntryLevel].Count
                || graph.Layers[_header.EntryLevel].SlotOf(_header.EntryNode) < 0))) throw new IndexDamagedException("metadata", "entry point out of range");
            graph.SetEntry(_header.EntryLevel, _header.EntryNode);
            return graph;
        }
        catch
        {
            graph.Dispose();
            throw;
        }
    }

    public void Dispose() => _file.Dispose();

    private byte[] ReadMetadata()
    {
        if (_length < SnapshotFormat.PreambleBytes + SnapshotFormat.FooterBytes) throw new IndexDamagedException("footer", "the file is too short");
        Span<ulong> preamble = stackalloc ulong[2];
        ReadExactly(MemoryMarshal.AsBytes(preamble), 0, "preamble");
        if (preamble[0] != SnapshotFormat.PreambleMagic) throw new IndexDamagedException("preamble", "this is not a snapshot");
        Span<ulong> footer = stackalloc ulong[SnapshotFormat.FooterBytes / 8];
        ReadExactly(MemoryMarshal.AsBytes(footer), _length - SnapshotFormat.FooterBytes, "footer");
        if (footer[0] != SnapshotFormat.FooterMagic) throw new IndexDamagedException("footer", "missing: the file is truncated");
        if (footer[7] != XxHash3.HashToUInt64(MemoryMarshal.AsBytes(footer[..7]))) throw new IndexDamagedException("footer", "checksum does not match");
        if (footer[1] > SnapshotFormat.Version) throw new IndexVersionException((uint)footer[1], SnapshotFormat.Version);
        if (footer[5] != (ulong)_length) throw new IndexDamagedException("footer", $"the file has {_length} bytes, expected {footer[5]}");
        if (footer[1] == 0 || footer[1] != preamble[1]) throw new IndexDamagedException("preamble", "version does not match the footer's");
        long offset = (long)footer[2], length = (long)footer[3];
        if (offset < 0 || length < 0 || length > int.MaxValue || offset + length != _length - SnapshotFormat.FooterBytes) throw new IndexDamagedException("footer", "metadata out of range");
        var metadata = new byte[length];
        ReadExactly(metadata, offset, "metadata");
        if (XxHash3.HashToUInt64(metadata) != footer[4]) throw new IndexDamagedException("metadata", "checksum does not match");
        return metadata;
    }

    private void CheckTables(long dataEnd)
    {
        if (_header.Dimension is < 16 or > 1024 || _header.Dimension % 16 != 0 || _header.Stride != Quantisation.Quantiser.StrideOf(_header.Dimension)
            || _header.Slots is < 0 or > 1 << 30 || _header.Count < 0 || _header.Count > _header.Slots || !(_header.Step > 0) || !float.IsFinite(_header.Step)
            || !(_header.MaxResidual >= 0) || !float.IsFinite(_header.MaxResidual)
            || _header.LayerCount is < 0 or > HnswGraph.MaxLayers || (_header.LayerCount > 0 && _header.M is < 2 or > 64))
            throw new IndexDamagedException("metadata", "a value is out of range");
        long position = 0, chunks = 0;
        foreach (Section section in _sections)
        {
            if (section.Length < 0 || section.Offset != position) throw new IndexDamagedException("metadata", "sections do not follow one another");
            position = section.End;
            chunks += section.ChunkCount;
        }

        if (position != dataEnd || chunks != _hashes.Length) throw new IndexDamagedException("metadata", "sections do not fill the file");
    }

    private Section Find(SectionKind kind, int level, long? length)
    {
        foreach (Section section in _sections)
        {
            if (section.Kind != kind || section.Level != level) continue;
            if (length is { } expected && section.Length != expected) throw new IndexDamagedException(section.Name, $"{section.Length} bytes, expected {expected}");
            return section;
        }

        throw new IndexDamagedException("metadata", $"section '{SnapshotFormat.NameOf(kind, level)}' is missing");
    }

    /// <summary>Verifies a section chunk by chunk, on all processors, and copies it to <paramref name="destination"/> unless that is null.</summary>
    private void Read(Section section, byte* destination)
    {
        int firstChunk = 0;
        foreach (Section before in _sections)
        {
            if (before == section) break;
            firstChunk += before.ChunkCount;
        }

        if (section.ChunkCount == 1) ReadChunk(section, 0, firstChunk, destination);
        else if (section.ChunkCount > 1) ReadChunks(section, firstChunk, destination);
    }

    private void ReadChunks(Section section, int firstChunk, byte* destination)
    {
        string? damaged = null;
        Parallel.For(0, section.ChunkCount, (chunk, loop) =>
        {
            try
            {
                ReadChunk(section, chunk, firstChunk + chunk, destination);
            }
            catch (IndexDamagedException damage)
            {
                damaged = damage.Message;
                loop.Stop();
            }
        });
        if (damaged is not null) throw new IndexDamagedException(section.Name, "checksum does not match");
    }

    private void ReadChunk(Section section, int chunk, int hash, byte* destination)
    {
        byte[] buffer = t_buffer ??= new byte[SnapshotFormat.ChunkBytes];
        long start = (long)chunk * SnapshotFormat.ChunkBytes;
        Span<byte> bytes = buffer.AsSpan(0, (int)Math.Min(SnapshotFormat.ChunkBytes, SnapshotFormat.Pad(section.Length) - start));
        ReadExactly(bytes, section.Offset + start, section.Name);
        if (XxHash3.HashToUInt64(bytes) != _hashes[hash]) throw new IndexDamagedException(section.Name, $"checksum of chunk {chunk} does not match");
        if (destination == null) return;
        int useful = (int)Math.Min(bytes.Length, section.Length - start);
        bytes[..useful].CopyTo(new Span<byte>(destination + start, useful));
    }

    private void ReadExactly(Span<byte> destination, long offset, string block)
    {
        while (destination.Length > 0)
        {
            int n = RandomAccess.Read(_file, destination, offset);
            if (n == 0) throw new IndexDamagedException(block, "the file is truncated");
            destination = destination[n..];
            offset += n;
        }
    }
}
