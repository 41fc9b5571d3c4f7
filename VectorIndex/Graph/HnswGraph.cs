using FaceSearch.VectorIndex.Memory;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Graph;

/// <summary>The layers and the entry point. Nodes are slots of a <see cref="SlotStore"/>; the graph holds no vectors of its own.</summary>
internal sealed unsafe class HnswGraph : IDisposable
{
    /// <summary>Layers at most: with M = 2, the least allowed, 2^24 nodes fill them.</summary>
    public const int MaxLayers = 24;

    private const long NoEntry = -1;
    private readonly double _levelScale;
    private readonly NativeRegion _members;
    private GraphLayer[] _layers;
    private long _entry = NoEntry;
    private long _drawn;

    public HnswGraph(SlotStore store, HnswOptions options)
    {
        if (options.M is < 2 or > 64) throw new ArgumentException($"M must be from 2 to 64, got {options.M}.", nameof(options));
        if (options.EfConstruction < options.M || options.EfConstruction > VectorIndexBase.MaxResults)
            throw new ArgumentException($"EfConstruction must be from M to {VectorIndexBase.MaxResults}, got {options.EfConstruction}.", nameof(options));
        if (options.EfSearch is < 1 or > VectorIndexBase.MaxResults)
            throw new ArgumentException($"EfSearch must be from 1 to {VectorIndexBase.MaxResults}, got {options.EfSearch}.", nameof(options));
        Store = store;
        _members = new NativeRegion(options.MaxVectors, hugePages: false);
        _members.Commit(Math.Max(1, options.InitialCapacity));
        Options = options;
        _levelScale = 1 / Math.Log(options.M);
        _layers = [new GraphLayer(0, 2 * options.M, options.MaxVectors, options.HugePages)];
    }

    public SlotStore Store { get; }
    public HnswOptions Options { get; }

    public GraphLayer[] Layers => Volatile.Read(ref _layers);

    public GraphLayer Base => _layers[0];

    /// <summary>Held while the entry point or the number of layers changes.</summary>
    public Lock EntryGate { get; } = new();

    /// <summary>Layer and node where walks begin; false while the graph is empty.</summary>
    public bool TryGetEntry(out int level, out int node)
    {
        long entry = Volatile.Read(ref _entry);
        level = (int)(entry >> 32);
        node = (int)entry;
        return entry != NoEntry;
    }

    public void SetEntry(int level, int node) => Volatile.Write(ref _entry, level < 0 ? NoEntry : ((long)level << 32) | (uint)node);

    /// <summary>True once a slot is linked on layer 0 (and until it is unlinked).</summary>
    public bool IsMember(int slot) => slot < Base.Count && Volatile.Read(ref _members.Base[slot]) != 0;

    /// <summary>Readies layer 0 for a slot.</summary>
    public void InitialiseSlot(int slot)
    {
        lock (_members) _members.Commit(slot + 1L);
        Base.InitialiseSlot(slot, Options.InitialCapacity);
    }

    public void SetMember(int slot, bool member)
    {
        Volatile.Write(ref _members.Base[slot], member ? (byte)1 : (byte)0);
        Interlocked.MemoryBarrier();
    }

    public void AddLayer()
    {
        GraphLayer[] layers = _layers;
        Volatile.Write(ref _layers, [.. layers, new GraphLayer(layers.Length, Options.M, Math.Max(1024, Options.MaxVectors / 2), Options.HugePages)]);
    }

    /// <summary>Level of a new node: floor(-ln(uniform) / ln(M)), Algorithm 1, line 4.</summary>
    public int DrawLevel()
    {
        ulong x = Options.Seed + ((ulong)Interlocked.Increment(ref _drawn) * 0x9E3779B97F4A7C15);
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        x ^= x >> 31;
        double uniform = ((x >> 11) + 1) * (1.0 / (1UL << 53));
        return Math.Min((int)(-Math.Log(uniform) * _levelScale), MaxLayers - 1);
    }

    /// <summary>Levels drawn so far: part of the state, so that a restored index goes on as the saved one would have.</summary>
    public long LevelsDrawn => Volatile.Read(ref _drawn);

    public void CompleteRestore(int slots, long drawn)
    {
        _drawn = drawn;
        _members.Commit(Math.Max(1, slots));
        for (int slot = 0; slot < slots; slot++) _members.Base[slot] = Store.WasMember(slot) ? (byte)1 : (byte)0;
    }

    public void Dispose()
    {
        foreach (GraphLayer layer in _layers) layer.Dispose();
        _members.Dispose();
    }
}
