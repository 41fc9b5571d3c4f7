using FaceSearch.VectorIndex.Flat;
using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Snapshots;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex;

/// <summary>What all engines share: validation, the life of an id, and the lock that keeps re-calibration apart from writers.</summary>
public abstract partial class VectorIndexBase : IVectorIndex
{
    /// <summary>Largest k of a search.</summary>
    public const int MaxResults = 4096;

    private readonly ReaderWriterLockSlim _structure = new();

    private protected VectorIndexBase(SlotStore store)
    {
        Store = store;
        Scratches = new ScratchPool(store.Epochs, store.Dimension, store.Stride);
    }

    internal SlotStore Store { get; }
    internal ScratchPool Scratches { get; }

    /// <inheritdoc/>
    public int Dimension => Store.Dimension;

    /// <inheritdoc/>
    public long Count => Store.Count;

    /// <summary>The kernel that answers.</summary>
    public KernelKind Kernel => Store.Kernel.Kind;

    /// <inheritdoc/>
    public void Add(long id, ReadOnlySpan<float> vector)
    {
        Validate(vector);
        _structure.EnterReadLock();
        SearchScratch scratch = Scratches.Rent();
        try
        {
            int slot = Store.Reserve(id, vector);
            LinkOrAbandon(slot, scratch);
            Store.Publish(slot);
            AfterPublish(slot);
        }
        finally
        {
            Scratches.Return(scratch);
            _structure.ExitReadLock();
        }

        AfterInsert();
    }

    /// <inheritdoc/>
    public void Update(long id, ReadOnlySpan<float> vector)
    {
        Validate(vector);
        _structure.EnterReadLock();
        SearchScratch scratch = Scratches.Rent();
        bool known;
        try
        {
            int slot = Store.ReserveUpdate(id, vector);
            LinkOrAbandon(slot, scratch);
            int old = Store.Supersede(id, slot);
            known = old >= 0;
            if (known) AfterPublish(slot);
            int gone = known ? old : slot;
            Unlink(gone, scratch);
            if (!known) Store.Erase(slot);
            Store.Retire(gone);
        }
        finally
        {
            Scratches.Return(scratch);
            _structure.ExitReadLock();
        }

        AfterRemove();
        if (!known) throw new UnknownIdException(id);
    }

    /// <inheritdoc/>
    public bool Remove(long id)
    {
        _structure.EnterReadLock();
        SearchScratch scratch = Scratches.Rent();
        try
        {
            int slot = Store.Kill(id);
            if (slot < 0) return false;
            Unlink(slot, scratch);
            Store.Erase(slot);
            Store.Retire(slot);
        }
        finally
        {
            Scratches.Return(scratch);
            _structure.ExitReadLock();
        }

        AfterRemove();
        return true;
    }

    /// <inheritdoc/>
    public bool Contains(long id) => Store.Contains(id);

    /// <inheritdoc/>
    public bool TryGetVector(long id, Span<float> destination) => Store.TryGetVector(id, destination);

    /// <inheritdoc/>
    public SearchOutcome Search(ReadOnlySpan<float> query, Span<Neighbour> results, in SearchOptions options = default)
    {
        Validate(query);
        CheckK(results.Length);
        CheckFilter(options.Filter);
        SearchScratch scratch = Scratches.Rent();
        try
        {
            return SearchCore(query, results, options, scratch);
        }
        finally
        {
            Scratches.Return(scratch);
        }
    }

    /// <summary>The same search answered by exact scan, whatever the engine: the yardstick of recall.</summary>
    /// <exception cref="InvalidVectorException">The query is not a finite unit vector of <see cref="Dimension"/>.</exception>
    public SearchOutcome SearchExact(ReadOnlySpan<float> query, Span<Neighbour> results, in SearchOptions options = default)
    {
        Validate(query);
        CheckK(results.Length);
        CheckFilter(options.Filter);
        SearchScratch scratch = Scratches.Rent();
        try
        {
            return FlatSearcher.Search(Store, scratch, query, results, options);
        }
        finally
        {
            Scratches.Return(scratch);
        }
    }

    /// <inheritdoc/>
    public void SearchBatch(ReadOnlySpan<float> queries, int k, Span<Neighbour> results, Span<SearchOutcome> outcomes, in SearchOptions options = default)
    {
        CheckK(k);
        CheckFilter(options.Filter);
        int count = outcomes.Length;
        if (queries.Length != count * Dimension) throw new ArgumentException($"Queries hold {queries.Length} floats, expected {count} x {Dimension}.", nameof(queries));
        if (results.Length < (long)count * k) throw new ArgumentException($"Results hold {results.Length}, expected {count} x {k}.", nameof(results));
        for (int q = 0; q < count; q++) Validate(queries.Slice(q * Dimension, Dimension));
        SearchScratch scratch = Scratches.Rent();
        try
        {
            for (int q = 0; q < count; q += SearchScratch.BatchQueries)
            {
                int n = Math.Min(SearchScratch.BatchQueries, count - q);
                SearchBatchCore(queries.Slice(q * Dimension, n * Dimension), k, results.Slice(q * k, n * k), outcomes.Slice(q, n), options, scratch);
            }
        }
        finally
        {
            Scratches.Return(scratch);
        }
    }

    /// <inheritdoc/>
    public SlotFilter CreateFilter(ReadOnlySpan<long> ids) => Store.CreateFilter(ids);

    /// <inheritdoc/>
    public long[] SnapshotIds() => Store.SnapshotIds();

    /// <inheritdoc/>
    public void Save(string path)
    {
        SearchScratch participant = Scratches.Rent();
        try
        {
            SnapshotWriter.Write(path, Store, GraphToSave);
        }
        finally
        {
            Scratches.Return(participant);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        DisposeCore();
        Scratches.Dispose();
        Store.Dispose();
        _structure.Dispose();
        GC.SuppressFinalize(this);
    }
}
