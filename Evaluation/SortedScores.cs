namespace FaceSearch.Evaluation;

/// <summary>Shares and thresholds of an ascending score array; every rate of this room is defined here once.</summary>
internal static class SortedScores
{
    /// <summary>Number of scores at or above the threshold.</summary>
    public static int CountAtOrAbove(ReadOnlySpan<float> ascending, float threshold)
    {
        int low = 0, high = ascending.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (ascending[middle] < threshold) low = middle + 1;
            else high = middle;
        }
        return ascending.Length - low;
    }

    /// <summary>Share of scores at or above the threshold; NaN for no scores.</summary>
    public static double ShareAtOrAbove(ReadOnlySpan<float> ascending, float threshold) =>
        (double)CountAtOrAbove(ascending, threshold) / ascending.Length;

    /// <summary>The lowest threshold with a share of scores at or above it of at most <paramref name="share"/>:
    /// the next float32 above the first score that must stay below.</summary>
    public static float ThresholdForShare(ReadOnlySpan<float> ascending, double share)
    {
        if (!(share is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(share), share, "A rate is between 0 and 1.");
        var allowed = (int)Math.Floor(share * ascending.Length + 1e-9);
        return allowed >= ascending.Length ? float.NegativeInfinity : MathF.BitIncrement(ascending[ascending.Length - 1 - allowed]);
    }

    /// <summary>Quantile by linear interpolation between order statistics; 0 gives the least, 1 the greatest score.</summary>
    public static double Quantile(ReadOnlySpan<float> ascending, double share)
    {
        var position = share * (ascending.Length - 1);
        var below = Math.Clamp((int)position, 0, ascending.Length - 1);
        var above = Math.Min(below + 1, ascending.Length - 1);
        return ascending[below] + (position - below) * (ascending[above] - ascending[below]);
    }

    /// <summary>Distinct scores as thresholds, highest first, evenly spaced in the logarithm of their rank.</summary>
    public static IEnumerable<float> LogSpacedThresholds(float[] ascending, int points)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(points, 2);
        if (ascending.Length == 0) yield break;
        var last = float.PositiveInfinity;
        for (var i = 0; i < points; i++)
        {
            var rank = (int)Math.Round(Math.Pow(ascending.Length, (double)i / (points - 1)));
            var score = ascending[^Math.Clamp(rank, 1, ascending.Length)];
            if (score < last) yield return last = score;
        }
    }
}
