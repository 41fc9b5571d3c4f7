using System.Collections.Concurrent;
using FaceSearch.Grains.Replicas;
using Microsoft.Extensions.Options;

namespace FaceSearch.Grains.Identification;

/// <summary>
/// When a request to a shard is so late that a second one is worth sending, and whether that may be ("hedged requests", Dean and Barroso,
/// The Tail at Scale, 2013). One a silo; thread-safe.
/// </summary>
public sealed class Hedging(IOptions<ReplicaOptions> options)
{
    /// <summary>Requests that the unused share is kept of: what it may spend at once.</summary>
    private const double MostSaved = 10;

    private readonly ReplicaOptions _options = options.Value;
    private readonly ConcurrentDictionary<ShardId, RecentLatency> _latencies = new();
    private readonly Lock _lock = new();
    private double _saved;

    /// <summary>How long to wait for a shard before a second request; counts the request that is sent now.</summary>
    public TimeSpan Begin(ShardId shard)
    {
        lock (_lock)
            _saved = Math.Min(MostSaved, _saved + _options.HedgeShare);
        // Timers count whole milliseconds, and one of none is over at once.
        return Of(shard).Quantile(_options.HedgeAfterQuantile) is { } late ? TimeSpan.FromMilliseconds(Math.Ceiling(late.TotalMilliseconds)) : _options.HedgeAfterAtFirst;
    }

    /// <summary>A shard took so long, or had not answered after it.</summary>
    public void Record(ShardId shard, TimeSpan took) => Of(shard).Record(took);

    /// <summary>Whether one more request stays within the share; takes it.</summary>
    public bool TryTake()
    {
        lock (_lock)
        {
            if (_saved < 1)
                return false;
            _saved--;
            return true;
        }
    }

    private RecentLatency Of(ShardId shard) => _latencies.GetOrAdd(shard, _ => new RecentLatency());
}

/// <summary>
/// A histogram of recent times with boundaries a tenth apart, in which older ones count less and less: all counts are halved whenever
/// there are <see cref="Remembered"/>. Thread-safe.
/// </summary>
internal sealed class RecentLatency
{
    private const int Remembered = 512, Least = 20, Bins = 160;
    private const double First = 50e-6, Step = 1.1;

    private readonly Lock _lock = new();
    private readonly int[] _counts = new int[Bins];
    private int _total;

    public void Record(TimeSpan took)
    {
        int bin = took.TotalSeconds <= First ? 0 : Math.Min(Bins - 1, (int)Math.Ceiling(Math.Log(took.TotalSeconds / First) / Math.Log(Step)));
        lock (_lock)
        {
            _counts[bin]++;
            if (++_total < Remembered)
                return;
            _total = 0;
            for (int i = 0; i < Bins; i++)
                _total += _counts[i] /= 2;
        }
    }

    /// <summary>Upper boundary of the bin that a quantile lies in, at most a tenth too high; null if there were few.</summary>
    public TimeSpan? Quantile(double share)
    {
        lock (_lock)
        {
            if (_total < Least)
                return null;
            double left = share * _total;
            int bin = 0;
            while (bin < Bins - 1 && (left -= _counts[bin]) > 0)
                bin++;
            return TimeSpan.FromSeconds(First * Math.Pow(Step, bin));
        }
    }
}
