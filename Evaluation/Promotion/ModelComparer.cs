namespace FaceSearch.Evaluation;

/// <summary>One figure of two models on the same people.</summary>
/// <param name="Metric">Which figure.</param>
/// <param name="Cohort">Its cohort; null for everybody.</param>
/// <param name="People">People with at least two faces that it rests on.</param>
/// <param name="Active">The active model's, 0 to 1.</param>
/// <param name="Candidate">The candidate's.</param>
/// <param name="Lower">Lower end of the interval of candidate minus active.</param>
/// <param name="Upper">Upper end.</param>
/// <param name="ActiveLower">Lower end of the active model's own interval.</param>
public sealed record FigureComparison(
    PromotionMetric Metric, string? Cohort, int People, double Active, double Candidate, double Lower, double Upper, double ActiveLower);

/// <summary>What comparing two models gave.</summary>
/// <param name="People">People with at least two faces.</param>
/// <param name="Images">All faces.</param>
/// <param name="Figures">Everybody's figures, then each cohort's.</param>
/// <param name="Unjudged">Cohorts of fewer than <see cref="ModelComparer.LeastCohort"/> people, which show nothing either way.</param>
/// <param name="ActivePoints">False-match figures of the active model on these faces; empty for too few.</param>
/// <param name="CandidatePoints">The candidate's.</param>
public sealed record ModelComparisonResult(
    int People, int Images, IReadOnlyList<FigureComparison> Figures, IReadOnlyList<string> Unjudged,
    IReadOnlyList<OperatingPoint> ActivePoints, IReadOnlyList<OperatingPoint> CandidatePoints);

/// <summary>
/// Compares two models on the same faces. Intervals: percentile bootstrap over people of the difference, both models under the same
/// resamples (paired), at 95 % for the three overall figures together and 95 % for all figures of all cohorts together (Bonferroni), so
/// that many cohorts do not make a chance difference look like damage.
/// </summary>
public static class ModelComparer
{
    /// <summary>Fewest people of a cohort that can be judged.</summary>
    public const int LeastCohort = 5;

    private const double Error = 0.05;
    private static readonly PromotionMetric[] Overall = [PromotionMetric.TarAtFar1E3, PromotionMetric.Rank1, PromotionMetric.TpirAtFpir1];
    private static readonly PromotionMetric[] OfCohort = [.. Overall, PromotionMetric.StrangersRejected];

    /// <summary>Compares.</summary>
    /// <param name="faces">The faces by both models.</param>
    /// <param name="seed">Same seed, same intervals.</param>
    /// <param name="resamples">Number of resamples.</param>
    public static ModelComparisonResult Compare(ComparedFaces faces, int seed = 1, int resamples = 2000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 100);
        var persons = faces.Cohorts.Count;
        var images = new int[persons];
        foreach (var person in faces.People) images[person]++;
        var sizes = Enumerable.Range(0, persons).Where(p => images[p] > 1 && faces.Cohorts[p] is not null)
            .GroupBy(p => faces.Cohorts[p]!).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
        string[] judged = [.. sizes.Where(c => c.Value >= LeastCohort).Select(c => c.Key).Order(StringComparer.Ordinal)];
        bool[][] groups = [[.. Enumerable.Repeat(true, persons)], .. judged.Select(c => faces.Cohorts.Select(own => own == c).ToArray())];
        var active = new ModelScores(faces.Active, faces.People, groups);
        var candidate = new ModelScores(faces.Candidate, faces.People, groups);
        var all = images.Count(i => i > 1);
        var figures = Figures(active, candidate, groups.Length, persons, seed, resamples, (group, metric, a, c, interval, least) => new FigureComparison(
            metric, group == 0 ? null : judged[group - 1], group == 0 ? all : sizes[judged[group - 1]], a, c, interval.Lower, interval.Upper, least));
        string[] unjudged = [.. faces.Cohorts.OfType<string>().Distinct().Except(judged).Order(StringComparer.Ordinal)];
        return new(all, faces.People.Count, figures, unjudged, Points(faces.Active, faces.People), Points(faces.Candidate, faces.People));
    }

    private static List<FigureComparison> Figures(
        ModelScores active, ModelScores candidate, int groups, int persons, int seed, int resamples,
        Func<int, PromotionMetric, double, double, ConfidenceInterval, double, FigureComparison> make)
    {
        int[] once = [.. Enumerable.Repeat(1, persons)];
        (int Group, PromotionMetric Metric)[] wanted = [.. Overall.Select(m => (0, m)), .. Enumerable.Range(1, groups - 1).SelectMany(g => OfCohort.Select(m => (g, m)))];
        var count = wanted.Length;
        var differences = new float[count][];
        var actives = new float[count][];
        for (var f = 0; f < count; f++) (differences[f], actives[f]) = (new float[resamples], new float[resamples]);
        Parallel.For(0, resamples, r =>
        {
            var weights = Draw(new Random(unchecked(seed * 1_000_003 + r)), persons);
            for (var f = 0; f < count; f++)
            {
                var (group, metric) = wanted[f];
                actives[f][r] = (float)active.Figure(metric, group, weights);
                differences[f][r] = (float)candidate.Figure(metric, group, weights) - actives[f][r];
            }
        });
        var figures = new List<FigureComparison>(count);
        for (var f = 0; f < count; f++)
        {
            var (group, metric) = wanted[f];
            var family = group == 0 ? Overall.Length : count - Overall.Length;
            double a = active.Figure(metric, group, once), c = candidate.Figure(metric, group, once);
            float[] sorted = [.. differences[f].Where(float.IsFinite).Order()], own = [.. actives[f].Where(float.IsFinite).Order()];
            if (!double.IsFinite(a) || !double.IsFinite(c) || sorted.Length == 0) continue;
            var tail = Error / family / 2;
            figures.Add(make(group, metric, a, c, new(SortedScores.Quantile(sorted, tail), SortedScores.Quantile(sorted, 1 - tail)), SortedScores.Quantile(own, tail)));
        }
        return figures;
    }

    /// <summary>How often each person is in a resample of as many people.</summary>
    private static int[] Draw(Random random, int persons)
    {
        var weights = new int[persons];
        for (var i = 0; i < persons; i++) weights[random.Next(persons)]++;
        return weights;
    }

    private static IReadOnlyList<OperatingPoint> Points(EmbeddingMatrix matrix, IReadOnlyList<int> people)
    {
        try
        {
            return ImpostorPrior.Measure(matrix, [.. people]).Points;
        }
        catch (ArgumentException)
        {
            // Too few pairs, or scores that do not rise: such a model has no figures of its own.
            return [];
        }
    }
}
