using FaceSearch.Grains.Identification;

namespace FaceSearch.Grains.Reembedding;

/// <summary>
/// How much a backfill rests. It remembers the 95th percentile of live identification without it, and doubles its rests as soon as that
/// is exceeded by more than <see cref="ReembeddingOptions.MaxSlowdown"/>; they shrink again by a third a page while it is not.
/// </summary>
internal sealed class BackfillPace(LiveLatency latency, ReembeddingOptions options)
{
    /// <summary>Below it nobody notices, and the noise of the clock would decide.</summary>
    private const double FloorMilliseconds = 2;

    private const double FirstRest = 0.25;
    private static readonly TimeSpan Before = TimeSpan.FromSeconds(30), Lately = TimeSpan.FromSeconds(2);

    private double? _baseline = latency.P95(Before);
    private double _rest;

    /// <summary>Share of its time, 0 to 1, that it rests.</summary>
    public double Share => _rest / (1 + _rest);

    /// <summary>How long to rest after a page that took <paramref name="worked"/>.</summary>
    public TimeSpan After(TimeSpan worked)
    {
        if (latency.P95(Lately) is not { } now)
        {
            _rest /= 2;
        }
        else if (_baseline is not { } baseline)
        {
            // Traffic has begun: one long rest shows what it is like undisturbed.
            _rest = options.MaxRest;
            _baseline = now;
        }
        else if (now > options.MaxSlowdown * Math.Max(baseline, FloorMilliseconds))
        {
            _rest = Math.Min(options.MaxRest, Math.Max(FirstRest, 2 * _rest));
        }
        else
        {
            _baseline = Math.Min(baseline, now);
            _rest *= 2.0 / 3;
        }
        return _rest * worked;
    }
}
