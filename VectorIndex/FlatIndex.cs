using FaceSearch.VectorIndex.Flat;
using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Snapshots;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex;

/// <summary>Exact search: a blocked scan of the quantised codes, then float32 rerank of all that the error bound cannot rule out.</summary>
public sealed class FlatIndex : VectorIndexBase
{
    /// <summary>An empty index.</summary>
    public FlatIndex(IndexOptions options)
        : base(new SlotStore(options))
    {
    }

    private FlatIndex(SlotStore store)
        : base(store)
    {
    }

    /// <summary>Opens a snapshot written by any engine.</summary>
    /// <param name="path">The file.</param>
    /// <param name="storage">Where the float32 vectors are to live.</param>
    /// <param name="options">Everything but the dimension and the storage, which the file and <paramref name="storage"/> give.</param>
    /// <exception cref="IndexDamagedException">The snapshot is damaged.</exception>
    /// <exception cref="IndexVersionException">The snapshot is of a newer version.</exception>
    public static FlatIndex Load(string path, VectorStorage storage = VectorStorage.Memory, IndexOptions? options = null)
    {
        using var reader = new SnapshotReader(path);
        return new FlatIndex(reader.ReadStore((options ?? new IndexOptions()) with { Storage = storage }));
    }

    private protected override SearchOutcome SearchCore(ReadOnlySpan<float> query, Span<Neighbour> results, in SearchOptions options, SearchScratch scratch) =>
        FlatSearcher.Search(Store, scratch, query, results, options);

    private protected override void SearchBatchCore(ReadOnlySpan<float> queries, int k, Span<Neighbour> results, Span<SearchOutcome> outcomes, in SearchOptions options, SearchScratch scratch) =>
        FlatSearcher.SearchBatch(Store, scratch, queries, k, results, outcomes, options);
}
