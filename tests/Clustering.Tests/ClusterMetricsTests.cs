using FaceSearch.VectorIndex.Clustering;

namespace FaceSearch.Clustering.Tests;

public sealed class ClusterMetricsTests
{
    [Fact]
    public void A_small_case_agrees_with_the_sums_done_by_hand()
    {
        // Classes {0,1,2} {3,4}; groups {0,1} {2,3,4}.
        ClusterMetrics m = ClusterMetrics.Of([1, 1, 1, 2, 2], [7, 7, 9, 9, 9]);
        m.BCubedPrecision.ShouldBe((1 + 1 + (1 / 3.0) + (2 / 3.0) + (2 / 3.0)) / 5, 1e-12);
        m.BCubedRecall.ShouldBe(((2 / 3.0) + (2 / 3.0) + (1 / 3.0) + 1 + 1) / 5, 1e-12);
        m.PairPrecision.ShouldBe(0.5, 1e-12);
        m.PairRecall.ShouldBe(0.5, 1e-12);
        m.PairF.ShouldBe(0.5, 1e-12);
        (m.Groups, m.Classes).ShouldBe((2, 2));
    }

    [Fact]
    public void The_truth_scores_one_and_names_of_groups_do_not_matter()
    {
        ClusterMetrics m = ClusterMetrics.Of([4, 4, 5, 6, 6, 6], [1, 1, 9, 3, 3, 3]);
        (m.BCubedF, m.PairF).ShouldBe((1, 1));
    }

    [Fact]
    public void Exchanging_truth_and_groups_exchanges_precision_and_recall()
    {
        var random = new Random(3);
        long[] a = [.. Enumerable.Range(0, 200).Select(_ => (long)random.Next(20))], b = [.. Enumerable.Range(0, 200).Select(_ => (long)random.Next(30))];
        ClusterMetrics ab = ClusterMetrics.Of(a, b), ba = ClusterMetrics.Of(b, a);
        ab.BCubedPrecision.ShouldBe(ba.BCubedRecall, 1e-12);
        ab.PairPrecision.ShouldBe(ba.PairRecall, 1e-12);
    }

    [Fact]
    public void It_equals_the_definition_over_all_pairs()
    {
        var random = new Random(4);
        long[] truth = [.. Enumerable.Range(0, 120).Select(_ => (long)random.Next(25))], groups = [.. truth.Select(t => random.Next(4) == 0 ? 100 + random.Next(9) : t)];
        double precision = 0, recall = 0;
        for (int i = 0; i < truth.Length; i++)
        {
            double both = 0, group = 0, same = 0;
            for (int j = 0; j < truth.Length; j++)
            {
                bool g = groups[i] == groups[j], t = truth[i] == truth[j];
                if (g) group++;
                if (t) same++;
                if (g && t) both++;
            }

            precision += both / group / truth.Length;
            recall += both / same / truth.Length;
        }

        ClusterMetrics m = ClusterMetrics.Of(truth, groups);
        m.BCubedPrecision.ShouldBe(precision, 1e-9);
        m.BCubedRecall.ShouldBe(recall, 1e-9);
    }

    [Fact]
    public void Lengths_that_differ_are_refused() => Should.Throw<ArgumentException>(() => ClusterMetrics.Of([1, 2], [1]));
}
