namespace FaceSearch.Grains.Identification;

/// <summary>The two steps of a live identification in this silo: what background work looks at to keep out of their way.</summary>
public sealed class LiveLatencies(TimeProvider time)
{
    /// <summary>Embedding its face, with the wait for a batch.</summary>
    public LiveLatency Embedding { get; } = new(time);

    /// <summary>Searching all shards.</summary>
    public LiveLatency Search { get; } = new(time);
}

/// <summary>How long one step took lately. Thread-safe.</summary>
public sealed class LiveLatency(TimeProvider time)
{
    private const int Kept = 4096, Least = 20;

    private readonly Lock _lock = new();
    private readonly (long At, float Milliseconds)[] _ring = new (long, float)[Kept];
    private long _count;

    public void Record(TimeSpan took)
    {
        lock (_lock)
            _ring[_count++ % Kept] = (time.GetTimestamp(), (float)took.TotalMilliseconds);
    }

    /// <summary>95th percentile, in milliseconds, of what was recorded in the last <paramref name="window"/>; null if there were few.</summary>
    public double? P95(TimeSpan window)
    {
        List<float> recent = [];
        lock (_lock)
        {
            for (long i = _count - 1; i >= 0 && i > _count - 1 - Kept && time.GetElapsedTime(_ring[i % Kept].At) <= window; i--)
                recent.Add(_ring[i % Kept].Milliseconds);
        }
        if (recent.Count < Least)
            return null;
        recent.Sort();
        return recent[(int)(0.95 * (recent.Count - 1))];
    }
}
