namespace FaceSearch.Evaluation;

/// <summary>Counts of cosine scores in 20,000 bins of 1e-4 over -1..1 (scores outside go to the outermost bins): tails of any
/// number of pairs in 160 kB.</summary>
internal sealed class ScoreHistogram
{
    private const int BinsPerUnit = 10_000;
    private readonly long[] counts = new long[2 * BinsPerUnit];

    /// <summary>Scores counted.</summary>
    public long Total { get; private set; }

    /// <summary>Counts scores.</summary>
    public void Add(ReadOnlySpan<float> scores)
    {
        foreach (var score in scores)
            counts[Math.Clamp((int)MathF.Floor((score + 1) * BinsPerUnit), 0, counts.Length - 1)]++;
        Total += scores.Length;
    }

    /// <summary>The score that the given share of all scores reaches, linear within a bin.</summary>
    public float ScoreReachedBy(double share)
    {
        var wanted = share * Total;
        double above = 0;
        for (var bin = counts.Length - 1; bin >= 0; bin--)
        {
            if (counts[bin] > 0 && above + counts[bin] >= wanted)
                return (float)((bin + 1 - (wanted - above) / counts[bin]) / BinsPerUnit - 1);
            above += counts[bin];
        }
        return -1;
    }
}
