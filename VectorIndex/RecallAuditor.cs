using FaceSearch.VectorIndex.Memory;

namespace FaceSearch.VectorIndex;

/// <summary>How an auditor samples and when it replays.</summary>
public sealed record RecallAuditorOptions
{
    /// <summary>One of this many observed searches is kept for replay.</summary>
    public int SampleEvery { get; init; } = 100;

    /// <summary>Samples kept at most; while they are full, newer ones are dropped.</summary>
    public int Capacity { get; init; } = 256;

    /// <summary>Score at which a best hit counts as a match: it parts mated probes above the threshold from the rest.</summary>
    public float DecisionThreshold { get; init; } = 0.5f;

    /// <summary>
    /// Replay in the background, on a thread of the lowest priority, after this long without an observed search. Null: only
    /// <see cref="RecallAuditor.ReplayPending"/> replays.
    /// </summary>
    public TimeSpan? IdlePeriod { get; init; } = TimeSpan.FromMilliseconds(50);
}

/// <summary>What an auditor has found so far. A recall of no samples is NaN.</summary>
/// <param name="Replayed">Samples replayed and counted.</param>
/// <param name="Stale">Samples whose answer differed but whose index had changed since, so that nothing can be said.</param>
/// <param name="Dropped">Samples lost because the buffer was full.</param>
/// <param name="Mated">Of the replayed, those whose exact best score reaches the threshold.</param>
/// <param name="RecallAll">Share of all replayed searches that returned the exact best (or one scoring the same).</param>
/// <param name="RecallMated">The same share among <paramref name="Mated"/>: the one an identification depends on.</param>
/// <param name="DecisionsChanged">Replayed searches that fell on the other side of the threshold than the exact answer.</param>
public readonly record struct RecallReport(long Replayed, long Stale, long Dropped, long Mated, double RecallAll, double RecallMated, long DecisionsChanged);

/// <summary>
/// Measures the recall of live traffic: keeps a sample of searches with the score they returned, replays them exactly in idle time,
/// and reports recall for mated probes above the threshold and for all. Queries are kept in native memory and zeroed once replayed.
/// </summary>
public sealed unsafe class RecallAuditor : IDisposable
{
    /// <summary>Scores closer than float32 rounding count as equal: either neighbour is a right answer.</summary>
    private const float SameScore = 2e-6f;

    private readonly Lock _gate = new();
    private readonly Lock _replaying = new();
    private readonly VectorIndexBase _index;
    private readonly RecallAuditorOptions _options;
    private readonly NativeRegion _queries;
    private readonly (float Score, long Changes)[] _answers;
    private readonly ManualResetEventSlim _wake = new();
    private readonly Thread? _thread;
    private long _observed;
    private long _lastObserved;
    private int _first;
    private int _pending;
    private bool _stop;
    private long _replayed, _stale, _dropped, _mated, _hits, _matedHits, _decisionsChanged;

    /// <summary>An auditor of one index. The caller tells it of searches by <see cref="Observe"/>.</summary>
    public RecallAuditor(VectorIndexBase index, RecallAuditorOptions? options = null)
    {
        _index = index;
        _options = options ?? new RecallAuditorOptions();
        if (_options.SampleEvery < 1) throw new ArgumentException($"SampleEvery must be at least 1, got {_options.SampleEvery}.", nameof(options));
        if (_options.Capacity < 1) throw new ArgumentException($"Capacity must be at least 1, got {_options.Capacity}.", nameof(options));
        long bytes = (long)_options.Capacity * index.Dimension * sizeof(float);
        _queries = new NativeRegion(bytes, hugePages: false);
        _queries.Commit(bytes);
        _answers = new (float, long)[_options.Capacity];
        if (_options.IdlePeriod is null) return;
        _thread = new Thread(Run) { IsBackground = true, Priority = ThreadPriority.Lowest, Name = "FaceSearch recall auditor" };
        _thread.Start();
    }

    /// <summary>What has been found so far.</summary>
    public RecallReport Report
    {
        get
        {
            lock (_gate)
            {
                return new RecallReport(_replayed, _stale, _dropped, _mated,
                    _replayed == 0 ? double.NaN : (double)_hits / _replayed, _mated == 0 ? double.NaN : (double)_matedHits / _mated, _decisionsChanged);
            }
        }
    }

    /// <summary>
    /// Tells of a live search that ran without filter or threshold: its query and its results, best first. Keeps one in
    /// <see cref="RecallAuditorOptions.SampleEvery"/>; allocates nothing.
    /// </summary>
    public void Observe(ReadOnlySpan<float> query, ReadOnlySpan<Neighbour> results)
    {
        Volatile.Write(ref _lastObserved, Environment.TickCount64);
        if (Interlocked.Increment(ref _observed) % _options.SampleEvery != 0 || query.Length != _index.Dimension) return;
        lock (_gate)
        {
            if (_pending == _options.Capacity)
            {
                _dropped++;
                return;
            }

            int at = (_first + _pending++) % _options.Capacity;
            query.CopyTo(Query(at));
            _answers[at] = (results.IsEmpty ? float.NegativeInfinity : results[0].Score, _index.Store.Changes);
        }

        _wake.Set();
    }

    /// <summary>Replays everything kept so far on the calling thread; returns how many.</summary>
    public int ReplayPending()
    {
        int n = 0;
        while (ReplayOne()) n++;
        return n;
    }

    /// <summary>Stops the background thread and zeroes what was kept.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _stop, true);
        _wake.Set();
        _thread?.Join();
        new Span<byte>(_queries.Base, (int)_queries.Committed).Clear();
        _queries.Dispose();
        _wake.Dispose();
    }

    private Span<float> Query(int at) => new((float*)_queries.Base + ((long)at * _index.Dimension), _index.Dimension);

    private bool ReplayOne()
    {
        lock (_replaying)
        {
            int at;
            lock (_gate)
            {
                if (_pending == 0) return false;
                at = _first;
            }

            Span<Neighbour> best = stackalloc Neighbour[1];
            int found = _index.SearchExact(Query(at), best).Count;
            lock (_gate)
            {
                Count(_answers[at], found == 0 ? float.NegativeInfinity : best[0].Score);
                Query(at).Clear();
                _first = (_first + 1) % _options.Capacity;
                _pending--;
            }

            return true;
        }
    }

    private void Count((float Score, long Changes) live, float exact)
    {
        bool hit = live.Score >= exact - SameScore;
        if ((!hit || live.Score > exact + SameScore) && _index.Store.Changes != live.Changes)
        {
            _stale++;
            return;
        }

        bool mated = exact >= _options.DecisionThreshold;
        _replayed++;
        if (hit) _hits++;
        if (mated) _mated++;
        if (mated && hit) _matedHits++;
        if (mated != live.Score >= _options.DecisionThreshold) _decisionsChanged++;
    }

    private void Run()
    {
        long idle = (long)_options.IdlePeriod!.Value.TotalMilliseconds;
        while (true)
        {
            _wake.Wait();
            if (Volatile.Read(ref _stop)) return;
            long since = Environment.TickCount64 - Volatile.Read(ref _lastObserved);
            if (since < idle)
            {
                Thread.Sleep((int)Math.Max(1, idle - since));
                continue;
            }

            if (ReplayOne()) continue;
            _wake.Reset();
            lock (_gate)
            {
                if (_pending > 0) _wake.Set();
            }

            if (Volatile.Read(ref _stop)) return;
        }
    }
}
