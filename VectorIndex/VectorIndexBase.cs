using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.Intrinsics;
using FaceSearch.VectorIndex.Flat;
using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex;

/// <summary>What all engines share: validation, the life of an id, and the lock that keeps re-calibration apart from writers.</summary>
public abstract class VectorIndexBase : IVectorIndex
{
    /// <summary>Largest k of a search.</summary>
    public const int MaxResults = 4096;

    private const float NormTolerance = 1e-3f;

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
    public abstract void Save(string path);

    /// <inheritdoc/>
    public void Dispose()
    {
        DisposeCore();
        Scratches.Dispose();
        Store.Dispose();
        _structure.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Runs something that writes to slots or links: inside an epoch, and never while codes are re-calibrated.</summary>
    internal void WithWriterScratch<T>(T state, Action<T, SlotStore, SearchScratch> action)
    {
        _structure.EnterReadLock();
        SearchScratch scratch = Scratches.Rent();
        try
        {
            action(state, Store, scratch);
        }
        finally
        {
            Scratches.Return(scratch);
            _structure.ExitReadLock();
        }
    }

    /// <summary>Makes a pending slot reachable, where there is more to it than its place in the table.</summary>
    private protected virtual void Link(int slot, SearchScratch scratch)
    {
    }

    /// <summary>A slot has become live.</summary>
    private protected virtual void AfterPublish(int slot)
    {
    }

    /// <summary>Takes a dead or superseded slot out of whatever <see cref="Link"/> put it into.</summary>
    private protected virtual void Unlink(int slot, SearchScratch scratch)
    {
    }

    /// <summary>Makes sure that nothing leads to slots about to be reused.</summary>
    private protected virtual void BeforeReuse(ReadOnlySpan<int> slots)
    {
    }

    /// <summary>How many retired slots to gather before they are reclaimed.</summary>
    private protected virtual int ReclaimBatch => 1;

    private protected virtual void DisposeCore()
    {
    }

    private protected abstract SearchOutcome SearchCore(ReadOnlySpan<float> query, Span<Neighbour> results, in SearchOptions options, SearchScratch scratch);

    private protected abstract void SearchBatchCore(ReadOnlySpan<float> queries, int k, Span<Neighbour> results, Span<SearchOutcome> outcomes, in SearchOptions options, SearchScratch scratch);

    private protected virtual void AfterInsert()
    {
        if (!Store.WantsCalibration) return;
        _structure.EnterWriteLock();
        try
        {
            Store.Recalibrate();
        }
        finally
        {
            _structure.ExitWriteLock();
        }
    }

    private protected virtual void AfterRemove()
    {
        if (Store.RetiredCount < ReclaimBatch) return;
        int[] slots = ArrayPool<int>.Shared.Rent(Math.Max(64, ReclaimBatch));
        int n = Store.TakeReclaimable(slots);
        if (n > 0)
        {
            BeforeReuse(slots.AsSpan(0, n));
            Store.Release(slots.AsSpan(0, n));
        }

        ArrayPool<int>.Shared.Return(slots);
    }

    /// <summary>If linking fails (no memory), the slot is given up and the id is as it was.</summary>
    private void LinkOrAbandon(int slot, SearchScratch scratch)
    {
        bool linked = false;
        try
        {
            Link(slot, scratch);
            linked = true;
        }
        finally
        {
            if (!linked) Store.Abandon(slot);
        }
    }

    private static void CheckK(int k)
    {
        if (k is < 1 or > MaxResults) ThrowK(k);
    }

    private void CheckFilter(IIdFilter? filter)
    {
        if (filter is SlotFilter slots && slots.Owner != Store) throw new ArgumentException("The filter was made by another index.");
    }

    private void Validate(ReadOnlySpan<float> vector)
    {
        if (vector.Length != Dimension) ThrowInvalid($"Vector has {vector.Length} components, expected {Dimension}.");
        float norm = SquaredNorm(vector);
        if (!float.IsFinite(norm)) ThrowInvalid("Vector has a component that is not finite.");
        if (Math.Abs(MathF.Sqrt(norm) - 1) > NormTolerance) ThrowInvalid("Vector is not of unit length (to within 1e-3).");
    }

    private static float SquaredNorm(ReadOnlySpan<float> vector)
    {
        Vector512<float> sum = default;
        for (int i = 0; i < vector.Length; i += 16)
        {
            Vector512<float> x = Vector512.Create(vector.Slice(i, 16));
            sum += x * x;
        }

        return Vector512.Sum(sum);
    }

    [DoesNotReturn]
    private static void ThrowInvalid(string message) => throw new InvalidVectorException(message);

    [DoesNotReturn]
    private static void ThrowK(int k) => throw new ArgumentException($"k is {k}, expected 1 to {MaxResults}.");
}
