using FaceSearch.Evaluation;

namespace FaceSearch.Grains.Models;

/// <summary>Applies the rule of promotion to what the registry knows.</summary>
internal static class PromotionEvidence
{
    /// <summary>Whether a model's recorded comparison allows it to replace the present one.</summary>
    /// <param name="model">The candidate.</param>
    /// <param name="present">The model that it would replace.</param>
    /// <param name="leastPeople">Fewest people the comparison must rest on.</param>
    public static PromotionVerdict Judge(ModelDescription model, ModelDescription present, int leastPeople)
    {
        if (model.Evaluation is not { } evaluation)
            return new(false, [$"It was never compared with the active model '{present.Name}'."]);
        if (evaluation.CandidateSha256 != model.Sha256)
            return new(false, ["It was compared under another SHA-256: compare it again."]);
        if (evaluation.Active != present.Name || evaluation.ActiveSha256 != present.Sha256)
            return new(false, [$"It was compared with '{evaluation.Active}', but '{present.Name}' is active now: compare it again."]);
        return PromotionRule.Judge(evaluation.People, [.. evaluation.Comparisons.Select(Read)], leastPeople);
    }

    private static FigureComparison Read(ModelComparison c) =>
        new(Metric(c.Metric), c.Cohort, c.People, c.Active, c.Candidate, c.Lower, c.Upper, c.ActiveLower);

    private static PromotionMetric Metric(ModelMetric metric) => metric switch
    {
        ModelMetric.TarAtFar1E3 => PromotionMetric.TarAtFar1E3,
        ModelMetric.Rank1 => PromotionMetric.Rank1,
        ModelMetric.TpirAtFpir1 => PromotionMetric.TpirAtFpir1,
        _ => PromotionMetric.StrangersRejected,
    };
}
