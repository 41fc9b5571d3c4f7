using FaceSearch.Grains.Identification;

namespace FaceSearch.Grains.Reembedding;

/// <summary>
/// How much a backfill rests. It remembers the 95th percentile of each step of live identification without it, and doubles its rests as
/// soon as one is exceeded by more than <see cref="ReembeddingOptions.MaxSlowdown"/>; they shrink again by a third a page while none is.
/// </summary>
internal sealed class BackfillPace(LiveLatency[] steps, ReembeddingOptions options)
{
    /// <summary>Below it nobody notices, and the noise of the clock would decide.</summary>
    private const double FloorMilliseconds = 3;

    private const double FirstRest = 0.25, Follow = 0.05;
    private static readonly TimeSpan Before = TimeSpan.FromSeconds(30), Lately = TimeSpan.FromSeconds(5);

    private readonly double?[] _baselines = Array.ConvertAll(steps, s => s.P95(Before));
    private double _rest;

    /// <summary>Share of its time, 0 to 1, that it rests.</summary>
    public double Share => _rest / (1 + _rest);

    /// <summary>How long to rest after a page that took <paramref name="worked"/>.</summary>
    public TimeSpan After(TimeSpan worked)
    {
        bool traffic = false, begun = false;
        double slowdown = 0;
        for (int i = 0; i < steps.Length; i++)
        {
            if (steps[i].P95(Lately) is not { } now)
                continue;
            traffic = true;
            begun |= _baselines[i] is null;
            double baseline = _baselines[i] ?? now;
            slowdown = Math.Max(slowdown, now / Math.Max(baseline, FloorMilliseconds));
            // What was measured may have been a busy moment: it follows a calmer one slowly, and never a busier one.
            _baselines[i] = baseline + Math.Min(0, Follow * (now - baseline));
        }
        _rest = !traffic ? _rest / 2
            : begun ? options.MaxRest // Traffic has begun: one long rest shows what it is like undisturbed.
            : slowdown > options.MaxSlowdown ? Math.Min(options.MaxRest, Math.Max(FirstRest, 2 * _rest))
            : _rest * 2 / 3;
        return _rest * worked;
    }
}
