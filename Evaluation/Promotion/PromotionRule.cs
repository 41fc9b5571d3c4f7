using System.Globalization;

namespace FaceSearch.Evaluation;

/// <summary>Whether a candidate may replace the active model, and why.</summary>
/// <param name="Promote">It may.</param>
/// <param name="Reasons">In words, with figures: what is better, or what stands against it.</param>
public sealed record PromotionVerdict(bool Promote, IReadOnlyList<string> Reasons);

/// <summary>
/// The rule of publication: no figure, overall or of a cohort, is worse beyond its interval, and at least one overall figure is
/// better beyond it. Worse is a difference whose whole interval is negative, and also a figure below the active model's own interval:
/// where few people decide a figure the difference's interval can be so wide that it hides a collapse.
/// </summary>
public static class PromotionRule
{
    /// <summary>Judges.</summary>
    /// <param name="people">People the figures rest on.</param>
    /// <param name="figures">All of them; everybody's have no cohort.</param>
    /// <param name="leastPeople">Fewer people prove nothing.</param>
    public static PromotionVerdict Judge(int people, IReadOnlyList<FigureComparison> figures, int leastPeople)
    {
        if (people < leastPeople)
            return new(false, [string.Create(CultureInfo.InvariantCulture, $"Only {people} people outside the training set have two faces or more; at least {leastPeople} are needed to tell.")]);
        if (figures.Count(f => f.Cohort is null) < 3)
            return new(false, ["The comparison lacks figures over everybody: without TAR@FAR 1e-3, rank-1 and TPIR@FPIR 1 % nothing is proven."]);
        string[] worse = [.. figures.Where(IsWorse).Select(f => $"Worse: {Words(f)}.")];
        if (worse.Length > 0)
            return new(false, worse);
        string[] better = [.. figures.Where(f => f.Cohort is null && f.Lower > 0).Select(f => $"Better: {Words(f)}.")];
        return better.Length > 0
            ? new(true, better)
            : new(false, ["No better: no figure over everybody rises beyond its interval.", .. figures.Where(f => f.Cohort is null).Select(f => $"{Words(f)}.")]);
    }

    /// <summary>A metric's name as the field writes it.</summary>
    public static string Name(PromotionMetric metric) => metric switch
    {
        PromotionMetric.TarAtFar1E3 => "TAR@FAR 1e-3",
        PromotionMetric.Rank1 => "rank-1",
        PromotionMetric.StrangersRejected => "strangers rejected",
        _ => "TPIR@FPIR 1 %",
    };

    private static bool IsWorse(FigureComparison f) => f.Upper < 0 || f.Candidate < f.ActiveLower;

    private static string Words(FigureComparison f) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Name(f.Metric)}{(f.Cohort is null ? "" : $" of cohort '{f.Cohort}'")} goes from {f.Active:P2} to {f.Candidate:P2} (difference {Points(f.Candidate - f.Active)} points, interval {Points(f.Lower)} to {Points(f.Upper)}, {f.People} people)");

    private static string Points(double share) => (share * 100).ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture);
}
