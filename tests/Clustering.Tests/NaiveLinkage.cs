namespace FaceSearch.Clustering.Tests;

/// <summary>The textbook: all pairs of groups, each likeness from its definition over members, best pair joined, again. O(n^3) and worse.</summary>
internal static class NaiveLinkage
{
    public static List<long[]> Average(Samples samples, double threshold) =>
        Run(samples, threshold, (a, b) => a.Sum(i => b.Sum(j => samples.Score(i, j))) / (a.Count * (double)b.Count));

    /// <summary>Log-likelihood ratio of one group against two, from the sums of all products, in units of the score of two single vectors.</summary>
    public static List<long[]> Evidence(Samples samples, double threshold)
    {
        double E(List<int> members)
        {
            double squared = members.Sum(i => members.Sum(j => samples.Score(i, j)));
            return (-0.5 * Math.Log(1 + members.Count)) + (squared / (2 * (1 + members.Count)));
        }

        double single = (-0.5 * Math.Log(2)) + 0.25, orthogonalPair = (-0.5 * Math.Log(3)) + (2.0 / 6);
        return Run(samples, threshold, (a, b) => 3 * (E([.. a, .. b]) - E(a) - E(b) - (orthogonalPair - (2 * single))));
    }

    private static List<long[]> Run(Samples samples, double threshold, Func<List<int>, List<int>, double> likeness)
    {
        List<List<int>> groups = [.. Enumerable.Range(0, samples.Ids.Length).Select(i => new List<int> { i })];
        while (true)
        {
            (double best, int a, int b) = (double.NegativeInfinity, -1, -1);
            for (int i = 0; i < groups.Count; i++)
            {
                for (int j = i + 1; j < groups.Count; j++)
                {
                    double score = likeness(groups[i], groups[j]);
                    if (score > best) (best, a, b) = (score, i, j);
                }
            }

            if (best < threshold) return [.. groups.Select(g => g.Select(i => samples.Ids[i]).Order().ToArray())];
            groups[a].AddRange(groups[b]);
            groups.RemoveAt(b);
        }
    }
}
