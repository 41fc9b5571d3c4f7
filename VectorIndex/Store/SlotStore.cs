using FaceSearch.VectorIndex.Kernels;
using FaceSearch.VectorIndex.Memory;
using FaceSearch.VectorIndex.Quantisation;

namespace FaceSearch.VectorIndex.Store;

/// <summary>
/// What every engine stands on: ids, states, float32 vectors and codes by slot, in regions whose bases never move. Slots are handed
/// out and change state under one short lock; their contents are read without any.
/// </summary>
internal sealed unsafe partial class SlotStore : IDisposable
{
    private readonly Lock _gate = new();
    private readonly NativeRegion _ids;
    private readonly NativeRegion _states;
    private readonly NativeRegion? _vectors;
    private readonly IdMap _map;
    private readonly Stack<int> _free = new();
    private CodeTable _codes;
    private int _high;
    private int _count;
    private int _updates;
    private long _changes;

    public SlotStore(IndexOptions options)
    {
        if (options.Dimension is < 16 or > 1024 || options.Dimension % 16 != 0)
            throw new ArgumentException($"Dimension must be a multiple of 16 from 16 to 1024, got {options.Dimension}.", nameof(options));
        if (options.MaxVectors is < 1 or > 1 << 30)
            throw new ArgumentException($"MaxVectors must be from 1 to 2^30, got {options.MaxVectors}.", nameof(options));
        Options = options;
        Kernel = KernelSelector.Create(options.Kernel);
        Dimension = options.Dimension;
        Stride = Quantiser.StrideOf(Dimension);
        long max = options.MaxVectors;
        _ids = new NativeRegion(max * sizeof(long), hugePages: false);
        _states = new NativeRegion(max, hugePages: false);
        _vectors = options.Storage == VectorStorage.CodesOnly ? null : new NativeRegion(max * Dimension * sizeof(float), options.HugePages);
        _codes = NewCodes(Calibration.InitialStep(Dimension));
        _map = new IdMap(_ids);
        if (options.InitialCapacity > 0) CommitSlots(Math.Min(options.InitialCapacity, options.MaxVectors));
    }

    public IndexOptions Options { get; }
    public ScoreKernel Kernel { get; }
    public Epochs Epochs { get; } = new();
    public int Dimension { get; }
    public int Stride { get; }
    public int Count => Volatile.Read(ref _count);

    /// <summary>Slots below this have been used.</summary>
    public int High => Volatile.Read(ref _high);

    /// <summary>How many updates have switched an id to a new slot: a search that sees it move dedupes its results.</summary>
    public int Updates => Volatile.Read(ref _updates);

    /// <summary>Adds, updates and removals so far.</summary>
    public long Changes => Interlocked.Read(ref _changes);

    public CodeTable Codes => Volatile.Read(ref _codes);
    public bool HasVectors => _vectors is not null;
    public long* Ids => (long*)_ids.Base;
    public float* Vector(int slot) => (float*)_vectors!.Base + ((long)slot * Dimension);
    public byte* States => _states.Base;
    public SlotState State(int slot) => (SlotState)Volatile.Read(ref _states.Base[slot]);

    /// <summary>Takes a slot for a new id and writes the vector; it is Pending until <see cref="Publish"/>.</summary>
    public int Reserve(long id, ReadOnlySpan<float> vector)
    {
        int slot;
        lock (_gate)
        {
            if (_map.Find(id) >= 0) throw new DuplicateIdException(id);
            slot = TakeSlot(id);
            _map.Set(id, slot);
        }

        Write(slot, vector);
        return slot;
    }

    /// <summary>Takes a slot for a newer vector of an id; <see cref="Supersede"/> switches to it.</summary>
    public int ReserveUpdate(long id, ReadOnlySpan<float> vector)
    {
        int slot;
        lock (_gate)
        {
            int current = _map.Find(id);
            if (current < 0 || State(current) != SlotState.Live) throw new UnknownIdException(id);
            slot = TakeSlot(id);
        }

        Write(slot, vector);
        return slot;
    }

    /// <summary>Gives up a pending slot: its id is free again, its bytes are erased, and it is never used again.</summary>
    public void Abandon(int slot)
    {
        lock (_gate)
        {
            long id = Ids[slot];
            if (_map.Find(id) == slot) _map.Remove(id);
            Erase(slot);
        }
    }

    /// <summary>Makes a pending slot findable.</summary>
    public void Publish(int slot)
    {
        lock (_gate)
        {
            SetState(slot, SlotState.Live);
            Volatile.Write(ref _count, _count + 1);
            _changes++;
        }
    }

    /// <summary>Switches an id to its pending slot; returns the old slot, or -1 if the id has been removed meanwhile (the new slot is then dying).</summary>
    public int Supersede(long id, int slot)
    {
        lock (_gate)
        {
            int old = _map.Find(id);
            if (old < 0)
            {
                SetState(slot, SlotState.Dying);
                return -1;
            }

            Volatile.Write(ref _updates, _updates + 1);
            _changes++;
            SetState(slot, SlotState.Live);
            _map.Set(id, slot);
            SetState(old, SlotState.Superseded);
            _superseded.Add(old);
            return old;
        }
    }

    /// <summary>Takes an id out of the map; returns its slot, now Dying, or -1.</summary>
    public int Kill(long id)
    {
        lock (_gate)
        {
            int slot = _map.Find(id);
            if (slot < 0 || State(slot) != SlotState.Live) return -1;
            _map.Remove(id);
            SetState(slot, SlotState.Dying);
            Volatile.Write(ref _count, _count - 1);
            _changes++;
            EraseSuperseded(id);
            return slot;
        }
    }

    /// <summary>Zeroes the floats and codes of a removed slot, which is dead from now on.</summary>
    public void Erase(int slot)
    {
        SetState(slot, SlotState.Dead);
        if (_vectors is not null) new Span<float>(Vector(slot), Dimension).Clear();
        new Span<byte>(Codes.Row(slot), Stride).Clear();
        // A snapshot being written may still read an older table. Tables come and go only while writers are kept out.
        foreach ((CodeTable table, _) in _retiredTables)
        {
            if ((slot + 1L) * Stride <= table.Region.Committed) new Span<byte>(table.Row(slot), Stride).Clear();
        }
    }

    public bool Contains(long id)
    {
        lock (_gate) return FindLive(id) >= 0;
    }

    /// <summary>Slot of a live id, or -1.</summary>
    public int Find(long id)
    {
        lock (_gate) return FindLive(id);
    }

    public bool TryGetVector(long id, Span<float> destination)
    {
        if (destination.Length < Dimension) throw new ArgumentException($"Destination has {destination.Length} components, expected {Dimension}.", nameof(destination));
        lock (_gate)
        {
            int slot = FindLive(id);
            if (slot < 0) return false;
            if (HasVectors) new ReadOnlySpan<float>(Vector(slot), Dimension).CopyTo(destination);
            else Quantiser.DecodeRow(_codes.Row(slot), Dimension, _codes.Step, destination);
            return true;
        }
    }

    public long[] SnapshotIds()
    {
        lock (_gate)
        {
            var ids = new long[_count];
            int n = 0;
            for (int slot = 0; slot < _high; slot++)
            {
                if (State(slot) == SlotState.Live) ids[n++] = Ids[slot];
            }

            return ids;
        }
    }

    public SlotFilter CreateFilter(ReadOnlySpan<long> ids)
    {
        var accepted = new HashSet<long>(ids.Length);
        lock (_gate)
        {
            var slots = new ulong[(_high + 63) / 64];
            foreach (long id in ids)
            {
                int slot = FindLive(id);
                if (slot < 0 || !accepted.Add(id)) continue;
                slots[slot >> 6] |= 1UL << (slot & 63);
            }

            return new SlotFilter(this, accepted, slots);
        }
    }

    /// <summary>True for each slot that is live at this moment.</summary>
    public bool[] CaptureLive()
    {
        lock (_gate)
        {
            var live = new bool[_high];
            for (int slot = 0; slot < live.Length; slot++) live[slot] = State(slot) == SlotState.Live;
            return live;
        }
    }

    public void Dispose()
    {
        _map.Dispose();
        _codes.Dispose();
        DisposeRetiredTables();
        _vectors?.Dispose();
        _states.Dispose();
        _ids.Dispose();
    }

    private int FindLive(long id)
    {
        int slot = _map.Find(id);
        return slot >= 0 && State(slot) == SlotState.Live ? slot : -1;
    }

    private void SetState(int slot, SlotState state) => Volatile.Write(ref _states.Base[slot], (byte)state);

    private int TakeSlot(long id)
    {
        if (!_free.TryPop(out int slot))
        {
            if (_high == Options.MaxVectors) throw new IndexFullException(Options.MaxVectors);
            slot = _high;
            CommitSlots(slot + 1);
            Volatile.Write(ref _high, slot + 1);
        }

        Ids[slot] = id;
        SetState(slot, SlotState.Pending);
        return slot;
    }

    private void CommitSlots(long slots)
    {
        _ids.Commit(slots * sizeof(long));
        _states.Commit(slots);
        _codes.Region.Commit(slots * Stride);
        // A search that began before a re-calibration reads on in the old table, and may meet slots taken since.
        foreach ((CodeTable retired, _) in _retiredTables) retired.Region.Commit(slots * Stride);
        _vectors?.Commit(slots * Dimension * sizeof(float));
    }

    private void Write(int slot, ReadOnlySpan<float> vector)
    {
        fixed (float* x = vector)
        {
            if (_vectors is not null) vector.CopyTo(new Span<float>(Vector(slot), Dimension));
            CodeTable codes = Codes;
            codes.NoteResidual(MathF.Sqrt(Quantiser.EncodeRow(x, Dimension, codes.Step, codes.Row(slot))));
        }
    }

    private CodeTable NewCodes(float step) =>
        new(new NativeRegion((long)Options.MaxVectors * Stride, Options.HugePages), Stride, step);
}
