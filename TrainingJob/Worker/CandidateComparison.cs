using FaceSearch.Evaluation;
using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Measures;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Worker;

/// <summary>Measures a candidate against the model in use on the people that its training never saw.</summary>
internal static class CandidateComparison
{
    /// <summary>Images a person that count; more of one person say little more.</summary>
    private const int MostImages = 20;

    /// <summary>People looked at; the split's order is a hash, so the first ones are a fair sample.</summary>
    private const int MostPeople = 2_000;

    /// <summary>Compares on the test people of a source.</summary>
    /// <param name="present">The model in use.</param>
    /// <param name="candidate">The new one.</param>
    /// <param name="faces">The run's faces.</param>
    /// <param name="options">The run's options, for the split.</param>
    /// <param name="cohortKey">For the record.</param>
    /// <param name="description">Where the faces come from.</param>
    /// <exception cref="TrainingException">A model's vectors are none.</exception>
    public static ModelEvaluation Run(
        InstalledModel present, InstalledModel candidate, IReadOnlyList<LabelledFace> faces, TrainingOptions options, string? cohortKey, string description, CancellationToken cancellation)
    {
        List<LabelledFace> test = [.. faces
            .Where(f => f.Aligned is not null && IdentitySplit.Of(f.Person, options.ValidationShare, options.TestShare) == Split.Test)
            .GroupBy(f => f.Person).OrderBy(g => g.Key, StringComparer.Ordinal).Take(MostPeople).SelectMany(g => g.Take(MostImages))];
        Dictionary<string, int> numbers = new(StringComparer.Ordinal);
        int[] people = [.. test.Select(f => numbers.TryGetValue(f.Person, out int known) ? known : numbers[f.Person] = numbers.Count)];
        string?[] cohorts = new string?[numbers.Count];
        for (int i = 0; i < test.Count; i++)
            cohorts[people[i]] = test[i].Cohort;
        if (test.Count == 0)
            return Make(present, candidate, description, cohortKey, new(0, 0, [], [], [], []));
        try
        {
            AlignedFace[] crops = [.. test.Select(f => f.Aligned!)];
            ComparedFaces compared = new(ModelEvaluator.Embed(present, crops, cancellation: cancellation), ModelEvaluator.Embed(candidate, crops, cancellation: cancellation), people, cohorts);
            return Make(present, candidate, description, cohortKey, ModelComparer.Compare(compared, options.Seed));
        }
        catch (Exception e) when (e is ModelException or ArgumentException)
        {
            throw new TrainingException($"The two models cannot be compared: {e.Message}", e);
        }
    }

    private static ModelEvaluation Make(InstalledModel present, InstalledModel candidate, string data, string? cohortKey, ModelComparisonResult result) => new(
        present.Manifest.Name, present.Manifest.Sha256, candidate.Manifest.Sha256, data, result.People, result.Images, cohortKey,
        [.. result.Figures.Select(f => new ModelComparison(Metric(f.Metric), f.Cohort, f.People, f.Active, f.Candidate, f.Lower, f.Upper, f.ActiveLower))],
        result.Unjudged, Points(result.ActivePoints), Points(result.CandidatePoints), DateTimeOffset.UtcNow);

    private static FaceSearch.OperatingPoint[] Points(IReadOnlyList<Evaluation.OperatingPoint> points) =>
        [.. points.Select(p => new FaceSearch.OperatingPoint(p.FalseMatchRate, p.Score))];

    private static ModelMetric Metric(PromotionMetric metric) => metric switch
    {
        PromotionMetric.TarAtFar1E3 => ModelMetric.TarAtFar1E3,
        PromotionMetric.Rank1 => ModelMetric.Rank1,
        PromotionMetric.TpirAtFpir1 => ModelMetric.TpirAtFpir1,
        _ => ModelMetric.StrangersRejected,
    };
}
