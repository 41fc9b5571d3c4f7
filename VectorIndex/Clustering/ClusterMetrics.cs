namespace FaceSearch.VectorIndex.Clustering;

/// <summary>Agreement of a grouping with the truth. Every figure is in [0, 1]; F is the harmonic mean of precision and recall.</summary>
/// <param name="BCubedPrecision">Mean over items of the share of the item's group that belongs to its class.</param>
/// <param name="BCubedRecall">Mean over items of the share of the item's class that is in its group.</param>
/// <param name="PairPrecision">Share of pairs in one group that are in one class; 1 if there is no such pair.</param>
/// <param name="PairRecall">Share of pairs in one class that are in one group; 1 if there is no such pair.</param>
/// <param name="Groups">How many groups there are.</param>
/// <param name="Classes">How many classes there are.</param>
public sealed record ClusterMetrics(double BCubedPrecision, double BCubedRecall, double PairPrecision, double PairRecall, int Groups, int Classes)
{
    /// <summary>B-cubed F (Bagga and Baldwin 1998; Amigó et al. 2009): every item counts the same, so single ones count.</summary>
    public double BCubedF => HarmonicMean(BCubedPrecision, BCubedRecall);

    /// <summary>Pairwise F: large classes dominate, single items do not count.</summary>
    public double PairF => HarmonicMean(PairPrecision, PairRecall);

    /// <summary>Compares a grouping with the truth; item i has class <c>truth[i]</c> and group <c>groups[i]</c>.</summary>
    /// <exception cref="ArgumentException">The lengths differ, or there is no item.</exception>
    public static ClusterMetrics Of(ReadOnlySpan<long> truth, ReadOnlySpan<long> groups)
    {
        if (truth.Length != groups.Length || truth.IsEmpty)
            throw new ArgumentException($"Truth has {truth.Length} items and groups {groups.Length}, expected as many, and at least one.");
        Dictionary<long, long> classSizes = [], groupSizes = [];
        Dictionary<(long Class, long Group), long> cells = [];
        for (int i = 0; i < truth.Length; i++)
        {
            Count(classSizes, truth[i]);
            Count(groupSizes, groups[i]);
            Count(cells, (truth[i], groups[i]));
        }

        double precision = 0, recall = 0, together = 0;
        foreach (((long Class, long Group) cell, long n) in cells)
        {
            precision += (double)n * n / groupSizes[cell.Group];
            recall += (double)n * n / classSizes[cell.Class];
            together += Pairs(n);
        }

        double grouped = groupSizes.Values.Sum(Pairs), same = classSizes.Values.Sum(Pairs);
        return new ClusterMetrics(precision / truth.Length, recall / truth.Length, grouped == 0 ? 1 : together / grouped,
            same == 0 ? 1 : together / same, groupSizes.Count, classSizes.Count);
    }

    private static void Count<T>(Dictionary<T, long> counts, T key)
        where T : notnull => counts[key] = counts.GetValueOrDefault(key) + 1;

    private static double Pairs(long n) => n * (n - 1) / 2.0;

    private static double HarmonicMean(double a, double b) => a + b == 0 ? 0 : 2 * a * b / (a + b);
}
