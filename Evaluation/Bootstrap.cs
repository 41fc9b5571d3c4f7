namespace FaceSearch.Evaluation;

/// <summary>A confidence interval.</summary>
public readonly record struct ConfidenceInterval(double Lower, double Upper);

/// <summary>A statistic of a resample, given as row numbers (with repeats).</summary>
public delegate double ResampleStatistic(ReadOnlySpan<int> rows);

/// <summary>Percentile bootstrap over clusters (Efron and Tibshirani 1993, chapter 13): whole people are drawn with
/// replacement, since the images of one person are no independent trials.</summary>
public static class Bootstrap
{
    /// <summary>The interval that holds the central <paramref name="confidence"/> of the resampled statistic.</summary>
    /// <param name="clusters">The cluster (person) of each row.</param>
    /// <param name="statistic">Computes the statistic from the rows of a resample; NaN results are left out.</param>
    /// <param name="seed">Same seed, same interval.</param>
    /// <param name="resamples">Number of resamples.</param>
    /// <param name="confidence">0..1, 0.95 by default.</param>
    public static ConfidenceInterval Interval(
        ReadOnlySpan<int> clusters, ResampleStatistic statistic, int seed, int resamples = 1000, double confidence = 0.95)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 2);
        if (!(confidence is > 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(confidence), confidence, "A confidence lies between 0 and 1.");
        var members = Members(clusters);
        var random = new Random(seed);
        var rows = new List<int>(clusters.Length);
        var results = new List<float>(resamples);
        for (var r = 0; r < resamples && members.Count > 0; r++)
        {
            rows.Clear();
            for (var i = 0; i < members.Count; i++) rows.AddRange(members[random.Next(members.Count)]);
            var value = statistic(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(rows));
            if (!double.IsNaN(value)) results.Add((float)value);
        }
        if (results.Count == 0) return new(double.NaN, double.NaN);
        results.Sort();
        var sorted = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(results);
        return new(SortedScores.Quantile(sorted, (1 - confidence) / 2), SortedScores.Quantile(sorted, (1 + confidence) / 2));
    }

    private static List<List<int>> Members(ReadOnlySpan<int> clusters)
    {
        var members = new List<List<int>>();
        var numbers = new Dictionary<int, int>();
        for (var i = 0; i < clusters.Length; i++)
        {
            if (!numbers.TryGetValue(clusters[i], out var number))
            {
                numbers[clusters[i]] = number = members.Count;
                members.Add([]);
            }
            members[number].Add(i);
        }
        return members;
    }
}
