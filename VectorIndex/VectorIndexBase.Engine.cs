using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using FaceSearch.VectorIndex.Graph;
using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex;

/// <summary>What an engine adds to the shared life of an id, and what happens around it.</summary>
public abstract partial class VectorIndexBase
{
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

    /// <summary>The graph that a snapshot is to hold, if any; read inside an epoch.</summary>
    private protected virtual HnswGraph? GraphToSave => null;

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
        if (n > 0) Reclaim(slots.AsSpan(0, n));

        ArrayPool<int>.Shared.Return(slots);
    }

    private void Reclaim(ReadOnlySpan<int> slots)
    {
        SearchScratch participant = Scratches.Rent();
        try
        {
            BeforeReuse(slots);
            Store.Release(slots);
        }
        finally
        {
            Scratches.Return(participant);
        }
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

    private void Validate(ReadOnlySpan<float> vector) => UnitVector.Check(vector, Dimension);

    [DoesNotReturn]
    private static void ThrowK(int k) => throw new ArgumentException($"k is {k}, expected 1 to {MaxResults}.");
}
