using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Graph;

/// <summary>
/// The background thread of a <see cref="TieredIndex"/>. It links the tail into the graph, builds the graph when the index outgrows
/// the exact scan, and drops it when the index has shrunk to half of that (so that a size at the boundary does not flip to and fro).
/// </summary>
internal sealed class TierMover : IDisposable
{
    /// <summary>From this many slots on, a move takes all build threads.</summary>
    private const int ManySlots = 4096;

    private readonly VectorIndexBase _index;
    private readonly SlotStore _store;
    private readonly TieredOptions _options;
    private readonly Thread _thread;
    private readonly object _signal = new();
    private Tier? _active;
    private Tier? _building;
    private bool _idle;
    private bool _stop;
    private Exception? _failure;

    public TierMover(VectorIndexBase index, TieredOptions options, HnswGraph? graph)
    {
        _index = index;
        _store = index.Store;
        _options = options with { MaxVectors = index.Store.Options.MaxVectors };
        if (graph is not null)
        {
            var tier = new Tier(graph, new TailList());
            for (int slot = 0; slot < _store.High; slot++)
            {
                if (_store.State(slot) == SlotState.Live && !graph.IsMember(slot)) tier.Tail.Append(slot);
            }

            _active = tier;
        }

        _thread = new Thread(Run) { IsBackground = true, Name = "FaceSearch index mover" };
        _thread.Start();
    }

    /// <summary>A graph and what is not in it yet.</summary>
    internal sealed record Tier(HnswGraph Graph, TailList Tail);

    /// <summary>What searches use; null while the exact scan answers.</summary>
    public Tier? Active => Volatile.Read(ref _active);

    public bool HasGraph => Current is not null;

    private Tier? Current => Volatile.Read(ref _active) ?? Volatile.Read(ref _building);

    public void Added(int slot)
    {
        // Full fence: either this sees the tail, or the builder that made it sees the slot live.
        Interlocked.MemoryBarrier();
        Current?.Tail.Append(slot);
        if (HasWork()) Wake();
    }

    public void Removed(int slot, SearchScratch scratch)
    {
        Interlocked.MemoryBarrier();
        if (Current is { } tier && tier.Graph.IsMember(slot)) Unlink(tier.Graph, slot, scratch);
        if (HasWork()) Wake();
    }

    public void BeforeReuse(ReadOnlySpan<int> slots)
    {
        if (Current is { } tier) NeighbourhoodRepair.Sweep(tier.Graph, slots);
    }

    public void Settle()
    {
        lock (_signal)
        {
            while (_failure is null && !_stop && (!_idle || HasWork()))
            {
                Monitor.PulseAll(_signal);
                Monitor.Wait(_signal, TimeSpan.FromSeconds(1));
            }

            if (_failure is not null) throw new InvalidOperationException("The index's background thread failed.", _failure);
        }
    }

    public void Dispose()
    {
        lock (_signal)
        {
            _stop = true;
            Monitor.PulseAll(_signal);
        }

        _thread.Join();
        _active?.Graph.Dispose();
        _building?.Graph.Dispose();
    }

    private bool HasWork()
    {
        Tier? active = Active;
        return active is null ? _store.Count >= _options.Crossover
            : active.Tail.Slots.Length > 0 || _store.Count < _options.Crossover / 2;
    }

    private void Wake()
    {
        if (!Volatile.Read(ref _idle)) return;
        lock (_signal) Monitor.PulseAll(_signal);
    }

    private void Run()
    {
        try
        {
            while (WaitForWork())
            {
                if (Active is not { } tier) Build();
                else if (_store.Count < _options.Crossover / 2) Drop(tier);
                else MoveTail(tier);
            }
        }
#pragma warning disable CA1031 // The failure is kept for Settle; searches stay correct without this thread.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            lock (_signal)
            {
                _failure = failure;
                Monitor.PulseAll(_signal);
            }
        }
    }

    private bool WaitForWork()
    {
        lock (_signal)
        {
            while (!_stop && !HasWork())
            {
                Volatile.Write(ref _idle, true);
                Monitor.PulseAll(_signal);
                // The time-out covers a wake-up lost between the check and the wait.
                Monitor.Wait(_signal, TimeSpan.FromMilliseconds(200));
            }

            Volatile.Write(ref _idle, false);
            return !_stop;
        }
    }

    private void Build()
    {
        var tier = new Tier(new HnswGraph(_store, _options with { InitialCapacity = _store.High }), new TailList());
        Volatile.Write(ref _building, tier);
        Interlocked.MemoryBarrier();
        int high = _store.High;
        var slots = new int[high];
        for (int slot = 0; slot < high; slot++) slots[slot] = slot;
        Insert(tier.Graph, slots);
        if (Volatile.Read(ref _stop)) return;
        Volatile.Write(ref _active, tier);
        Volatile.Write(ref _building, null);
    }

    private void MoveTail(Tier tier)
    {
        int[] slots = tier.Tail.Slots.ToArray();
        Insert(tier.Graph, slots);
        if (!Volatile.Read(ref _stop)) tier.Tail.DropFirst(slots.Length);
    }

    private void Drop(Tier tier)
    {
        Volatile.Write(ref _active, null);
        long stamp = _store.Epochs.Retire();
        SpinWait.SpinUntil(() => _store.Epochs.Passed(stamp));
        tier.Graph.Dispose();
    }

    private void Insert(HnswGraph graph, int[] slots)
    {
        int next = -1;
        void Work()
        {
            for (int i = Interlocked.Increment(ref next); i < slots.Length && !Volatile.Read(ref _stop); i = Interlocked.Increment(ref next))
                InsertOne(graph, slots[i]);
        }

        if (slots.Length < ManySlots || _options.BuildThreads < 2)
        {
            Work();
            return;
        }

        Exception? failure = null;
        var threads = new Thread[_options.BuildThreads - 1];
        for (int t = 0; t < threads.Length; t++)
        {
            threads[t] = new Thread(() =>
            {
                try
                {
                    Work();
                }
#pragma warning disable CA1031 // Rethrown on the mover's own thread below.
                catch (Exception e)
#pragma warning restore CA1031
                {
                    failure = e;
                }
            }) { IsBackground = true, Name = "FaceSearch index builder" };
            threads[t].Start();
        }

        Work();
        foreach (Thread thread in threads) thread.Join();
        if (failure is not null) throw new InvalidOperationException("A build thread failed.", failure);
    }

    private void InsertOne(HnswGraph graph, int slot)
    {
        _index.WithWriterScratch((graph, slot), static (state, store, scratch) =>
        {
            (HnswGraph graph, int slot) = state;
            if (store.State(slot) != SlotState.Live || graph.IsMember(slot)) return;
            HnswInserter.Insert(graph, slot, scratch);
            graph.SetMember(slot, true);
            // Whoever removed the slot meanwhile either saw it as a member and unlinked it, or is seen here.
            if (store.State(slot) != SlotState.Live && graph.IsMember(slot)) Unlink(graph, slot, scratch);
        });
    }

    private static void Unlink(HnswGraph graph, int slot, SearchScratch scratch)
    {
        graph.SetMember(slot, false);
        NeighbourhoodRepair.Unlink(graph, slot, scratch);
    }
}
