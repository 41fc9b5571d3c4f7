using FaceSearch.VectorIndex.Flat;
using FaceSearch.VectorIndex.Graph;
using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Snapshots;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex;

/// <summary>
/// Approximate search: a walk over a navigable graph on quantised codes, then float32 rerank. Add links the vector into the graph
/// before it returns; call it from several threads to build faster.
/// </summary>
public sealed class HnswIndex : VectorIndexBase
{
    private readonly HnswGraph _graph;

    /// <summary>An empty index.</summary>
    public HnswIndex(HnswOptions options)
        : base(new SlotStore(options)) => _graph = new HnswGraph(Store, options);

    private HnswIndex(SlotStore store, HnswGraph graph)
        : base(store) => _graph = graph;

    internal HnswGraph Graph => _graph;

    /// <summary>Opens a snapshot. What it holds outside the graph (a flat tail, or everything) is linked first.</summary>
    /// <param name="path">The file.</param>
    /// <param name="storage">Where the float32 vectors are to live.</param>
    /// <param name="options">Everything but dimension, storage and M, which the file and <paramref name="storage"/> give.</param>
    /// <exception cref="IndexDamagedException">The snapshot is damaged.</exception>
    /// <exception cref="IndexVersionException">The snapshot is of a newer version.</exception>
    public static HnswIndex Load(string path, VectorStorage storage = VectorStorage.Memory, HnswOptions? options = null)
    {
        using var reader = new SnapshotReader(path);
        HnswOptions merged = reader.Merge(options ?? new HnswOptions()) with { Storage = storage };
        SlotStore store = reader.ReadStore(merged, graphFollows: true);
        var index = new HnswIndex(store, reader.ReadGraph(store, merged) ?? new HnswGraph(store, merged));
        index.LinkTheRest();
        return index;
    }

    private protected override HnswGraph? GraphToSave => _graph;

    private protected override int ReclaimBatch => Math.Max(256, Store.Count / 64);

    private protected override void Link(int slot, SearchScratch scratch)
    {
        HnswInserter.Insert(_graph, slot, scratch);
        _graph.SetMember(slot, true);
    }

    private protected override void Unlink(int slot, SearchScratch scratch)
    {
        _graph.SetMember(slot, false);
        NeighbourhoodRepair.Unlink(_graph, slot, scratch);
    }

    private protected override void BeforeReuse(ReadOnlySpan<int> slots) => NeighbourhoodRepair.Sweep(_graph, slots);

    private protected override SearchOutcome SearchCore(ReadOnlySpan<float> query, Span<Neighbour> results, in SearchOptions options, SearchScratch scratch)
    {
        int ef = Math.Max(results.Length, options.EfSearch > 0 ? options.EfSearch : _graph.Options.EfSearch);
        if (options.Filter is not null)
        {
            double share = FilterShare.Estimate(Store, options.Filter);
            if (share < FilterShare.Selective) return FlatSearcher.Search(Store, scratch, query, results, options);
            ef = FilterShare.Widen(ef, share);
        }

        return GraphSearch.Search(_graph, tail: null, scratch, query, results, ef, options);
    }

    private protected override void SearchBatchCore(ReadOnlySpan<float> queries, int k, Span<Neighbour> results, Span<SearchOutcome> outcomes, in SearchOptions options, SearchScratch scratch)
    {
        for (int q = 0; q < outcomes.Length; q++)
            outcomes[q] = SearchCore(queries.Slice(q * Dimension, Dimension), results.Slice(q * k, k), options, scratch);
    }

    private protected override void DisposeCore() => _graph.Dispose();

    private void LinkTheRest()
    {
        SearchScratch scratch = Scratches.Rent();
        for (int slot = 0; slot < Store.High; slot++)
        {
            if (Store.State(slot) == SlotState.Live && !_graph.IsMember(slot)) Link(slot, scratch);
        }

        Scratches.Return(scratch);
    }
}
