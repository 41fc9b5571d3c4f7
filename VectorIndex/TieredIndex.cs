using FaceSearch.VectorIndex.Flat;
using FaceSearch.VectorIndex.Graph;
using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Snapshots;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex;

/// <summary>
/// What a gallery shard uses: exact below a crossover; above it, graph UNION exact scan of a flat tail. Add is immediate (into the
/// tail); a background thread moves the tail into the graph, and moves the whole index between the engines as it grows and shrinks.
/// </summary>
public sealed class TieredIndex : VectorIndexBase
{
    private readonly TieredOptions _options;
    private readonly TierMover _mover;

    /// <summary>An empty index.</summary>
    public TieredIndex(TieredOptions options)
        : this(new SlotStore(options), options, graph: null)
    {
    }

    private TieredIndex(SlotStore store, TieredOptions options, HnswGraph? graph)
        : base(store)
    {
        _options = options;
        _mover = new TierMover(this, options, graph);
    }

    /// <summary>Opens a snapshot written by any engine.</summary>
    /// <param name="path">The file.</param>
    /// <param name="storage">Where the float32 vectors are to live.</param>
    /// <param name="options">Everything but dimension, storage and M, which the file and <paramref name="storage"/> give.</param>
    /// <exception cref="IndexDamagedException">The snapshot is damaged.</exception>
    /// <exception cref="IndexVersionException">The snapshot is of a newer version.</exception>
    public static TieredIndex Load(string path, VectorStorage storage = VectorStorage.Memory, TieredOptions? options = null)
    {
        using var reader = new SnapshotReader(path);
        TieredOptions merged = reader.Merge(options ?? new TieredOptions()) with { Storage = storage };
        SlotStore store = reader.ReadStore(merged, graphFollows: true);
        return new TieredIndex(store, merged, reader.ReadGraph(store, merged));
    }

    /// <summary>True while searches are answered by the graph (and the tail).</summary>
    public bool UsesGraph => _mover.Active is not null;

    /// <summary>Vectors that the background thread has yet to link into the graph.</summary>
    public int TailLength => _mover.Active?.Tail.Slots.Length ?? 0;

    /// <summary>Waits until the background thread has nothing left to do: the tail is in the graph, the engine fits the size.</summary>
    /// <exception cref="InvalidOperationException">The background thread failed; searches go on, exactly, over what it did not move.</exception>
    public void Settle() => _mover.Settle();

    private protected override HnswGraph? GraphToSave => _mover.Active?.Graph;

    private protected override int ReclaimBatch => _mover.HasGraph ? Math.Max(256, Store.Count / 64) : 1;

    private protected override void AfterPublish(int slot) => _mover.Added(slot);

    private protected override void Unlink(int slot, SearchScratch scratch) => _mover.Removed(slot, scratch);

    private protected override void BeforeReuse(ReadOnlySpan<int> slots) => _mover.BeforeReuse(slots);

    private protected override SearchOutcome SearchCore(ReadOnlySpan<float> query, Span<Neighbour> results, in SearchOptions options, SearchScratch scratch)
    {
        if (_mover.Active is not { } tier) return FlatSearcher.Search(Store, scratch, query, results, options);
        int ef = Math.Max(results.Length, options.EfSearch > 0 ? options.EfSearch : _options.EfSearch);
        if (options.Filter is not null)
        {
            double share = FilterShare.Estimate(Store, options.Filter);
            if (share < _options.SelectiveFilterShare) return FlatSearcher.Search(Store, scratch, query, results, options);
            ef = FilterShare.Widen(ef, share);
        }

        return GraphSearch.Search(tier.Graph, tier.Tail, scratch, query, results, ef, options);
    }

    private protected override void SearchBatchCore(ReadOnlySpan<float> queries, int k, Span<Neighbour> results, Span<SearchOutcome> outcomes, in SearchOptions options, SearchScratch scratch)
    {
        if (!UsesGraph)
        {
            FlatSearcher.SearchBatch(Store, scratch, queries, k, results, outcomes, options);
            return;
        }

        for (int q = 0; q < outcomes.Length; q++)
            outcomes[q] = SearchCore(queries.Slice(q * Dimension, Dimension), results.Slice(q * k, k), options, scratch);
    }

    private protected override void DisposeCore() => _mover.Dispose();
}
