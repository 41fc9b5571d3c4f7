using FaceSearch.VectorIndex.Quantisation;

namespace FaceSearch.VectorIndex.Store;

/// <summary>The way of slots and code tables from retirement back to use.</summary>
internal sealed unsafe partial class SlotStore
{
    private const int FirstCalibration = 64;

    private long _nextCalibration = FirstCalibration;
    private readonly Queue<(int Slot, long Stamp)> _retired = new();
    private readonly List<(CodeTable Table, long Stamp)> _retiredTables = [];
    private readonly List<int> _superseded = [];

    /// <summary>Slots that await reuse.</summary>
    public int RetiredCount
    {
        get { lock (_gate) return _retired.Count; }
    }

    /// <summary>Queues a dead or superseded slot, unreachable for new operations, for reuse.</summary>
    public void Retire(int slot)
    {
        lock (_gate)
        {
            _retired.Enqueue((slot, Epochs.Retire()));
        }
    }

    /// <summary>
    /// Moves to <paramref name="slots"/> the retired slots that no running operation can see any more, up to its length; returns how many.
    /// They are erased and still unusable until <see cref="Release"/>.
    /// </summary>
    public int TakeReclaimable(Span<int> slots)
    {
        lock (_gate)
        {
            int n = 0;
            while (n < slots.Length && _retired.TryPeek(out var oldest) && Epochs.Passed(oldest.Stamp))
            {
                _retired.Dequeue();
                if (State(oldest.Slot) == SlotState.Superseded)
                {
                    _superseded.Remove(oldest.Slot);
                    Erase(oldest.Slot);
                }

                slots[n++] = oldest.Slot;
            }

            return n;
        }
    }

    /// <summary>Gives reclaimed slots back for reuse.</summary>
    public void Release(ReadOnlySpan<int> slots)
    {
        lock (_gate)
        {
            foreach (int slot in slots)
            {
                Ids[slot] = 0;
                SetState(slot, SlotState.Free);
                _free.Push(slot);
            }
        }
    }

    /// <summary>Removing an id also erases older vectors of it that searches may still be looking at.</summary>
    private void EraseSuperseded(long id)
    {
        for (int i = _superseded.Count - 1; i >= 0; i--)
        {
            int slot = _superseded[i];
            if (Ids[slot] != id) continue;
            _superseded.RemoveAt(i);
            Erase(slot);
        }
    }

    /// <summary>True when the index has grown so far since the last calibration that it should be looked at again.</summary>
    public bool WantsCalibration => Count >= Volatile.Read(ref _nextCalibration);

    /// <summary>
    /// Finds the best step for what is stored and, if it is clearly better than the present one, encodes everything anew into another
    /// table. The caller keeps writers out; searches go on, on the table they began with.
    /// </summary>
    public void Recalibrate()
    {
        DisposePassedTables();
        if (!WantsCalibration) return;
        Volatile.Write(ref _nextCalibration, Math.Max(FirstCalibration, _count) * 4L);
        if (!HasVectors) return;
        float largest = 0;
        for (int slot = 0; slot < _high; slot++)
        {
            // Erased slots are zero and do not count.
            largest = Math.Max(largest, Calibration.LargestMagnitude(Vector(slot), Dimension));
        }

        float best = Calibration.StepFor(largest);
        if (!Calibration.IsWorthIt(Codes, best, Dimension)) return;
        CodeTable old = Codes, fresh = NewCodes(best);
        fresh.Region.Commit((long)_high * Stride);
        for (int slot = 0; slot < _high; slot++)
        {
            // Erased slots stay zero.
            if (State(slot) is SlotState.Live or SlotState.Superseded or SlotState.Pending)
                fresh.NoteResidual(MathF.Sqrt(Quantiser.EncodeRow(Vector(slot), Dimension, best, fresh.Row(slot))));
        }

        lock (_gate)
        {
            Volatile.Write(ref _codes, fresh);
            _retiredTables.Add((old, Epochs.Retire()));
        }
    }

    private void DisposePassedTables()
    {
        for (int i = _retiredTables.Count - 1; i >= 0; i--)
        {
            if (!Epochs.Passed(_retiredTables[i].Stamp)) continue;
            _retiredTables[i].Table.Dispose();
            _retiredTables.RemoveAt(i);
        }
    }

    private void DisposeRetiredTables()
    {
        foreach ((CodeTable table, _) in _retiredTables) table.Dispose();
        _retiredTables.Clear();
    }
}
