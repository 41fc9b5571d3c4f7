using System.Diagnostics;
using FaceSearch.Cli.Enrolment;
using FaceSearch.Cli.Terminal;
using FaceSearch.Evaluation;

namespace FaceSearch.Cli.Evaluate;

/// <summary>TPIR at one FPIR.</summary>
/// <param name="Fpir">Wanted false-positive identification rate.</param>
/// <param name="Tpir">Share of mated probes whose person came first, at or above the threshold.</param>
/// <param name="Threshold">The lowest score with that FPIR.</param>
internal sealed record TpirPoint(double Fpir, double Tpir, float Threshold);

/// <summary>What the answers were at the threshold in force.</summary>
internal sealed record DecisionCounts(int MatchRight, int MatchWrong, int Ambiguous, int Unknown);

/// <summary>A closed-set 1:N evaluation. Its JSON form is stable.</summary>
/// <param name="Failures">Gallery images and probes that gave no template; they count as not found.</param>
internal sealed record IdentificationReport(
    string Mode, string Model, int People, int Probes, double Rank1, double Rank5, IReadOnlyList<TpirPoint> TpirAtFpir,
    ThresholdInForce Threshold, DecisionCounts Decisions, IReadOnlyList<ImageFailure> Failures,
    double EnrolSeconds, double IdentifySeconds, string? Det, string? Csv);

/// <summary>
/// Gallery = each person's first image, probes = all others. Every probe is searched once; the candidate list gives both the
/// mated search (own identity present) and the non-mated one (own identity left out), as in docs/evaluation.md.
/// </summary>
internal static class IdentificationEvaluation
{
    private static readonly double[] Fpirs = [0.1, 0.01, 0.001];

    /// <summary>Runs it and returns the report with the metrics behind it.</summary>
    /// <exception cref="UsageException">Nobody has a second image.</exception>
    public static async Task<(IdentificationReport Report, IdentificationMetrics Metrics)> RunAsync(
        ISearchTarget target, PeopleFolder faces, Output output, CancellationToken cancellation)
    {
        (List<PersonImage> first, List<PersonImage> rest) = SplitFirst(faces.Images);
        if (rest.Count == 0)
            throw new UsageException("Nobody has a second image, so there is nothing to search for.", "The evaluation enrols each person's first image and searches for the others.");

        IReadOnlyList<ImageFailure> enrolFailures = [];
        IReadOnlyList<SearchedProbe> answers = [];
        Stopwatch clock = Stopwatch.StartNew();
        await output.WithProgressAsync($"Enrolling {first.Count} people", first.Count, async progress =>
            enrolFailures = await target.EnrolAsync(first, progress, cancellation));
        double enrolSeconds = clock.Elapsed.TotalSeconds;
        clock.Restart();
        await output.WithProgressAsync($"Identifying {rest.Count} probes", rest.Count, async progress =>
            answers = await target.IdentifyAsync(rest, progress, cancellation));
        double identifySeconds = clock.Elapsed.TotalSeconds;

        IdentificationMetrics metrics = MetricsOf(answers);
        IEnumerable<ImageFailure> failures = enrolFailures.Concat(answers.Where(answer => answer.Failure is not null).Select(answer => new ImageFailure(answer.Probe.RelativePath, answer.Failure!)));
        return (new(
            target.Mode, target.Model, first.Count, rest.Count, metrics.RankAccuracy(1), metrics.RankAccuracy(5),
            [.. Fpirs.Select(fpir => new TpirPoint(fpir, metrics.TpirAtFpir(fpir), metrics.ThresholdAtFpir(fpir)))],
            await target.ThresholdAsync(cancellation), Count(answers), [.. failures],
            Math.Round(enrolSeconds, 2), Math.Round(identifySeconds, 2), null, null), metrics);
    }

    /// <summary>Each person's first image by path, and all others.</summary>
    public static (List<PersonImage> First, List<PersonImage> Others) SplitFirst(IEnumerable<PersonImage> images)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        List<PersonImage> first = [], rest = [];
        foreach (PersonImage image in images)
            (seen.Add(image.Identity) ? first : rest).Add(image);
        return (first, rest);
    }

    /// <summary>Metrics of probes that are all of enrolled people.</summary>
    public static IdentificationMetrics MetricsOf(IReadOnlyList<SearchedProbe> answers) => new(
        [.. answers.Select(answer => answer.Rank)],
        [.. answers.Select(answer => answer.MatedScore)],
        [.. answers.Select(answer => answer.ImpostorScore)]);

    /// <summary>Counts the decisions.</summary>
    public static DecisionCounts Count(IReadOnlyList<SearchedProbe> answers) => new(
        answers.Count(answer => answer.MatchedRight),
        answers.Count(answer => answer.Decision == Decision.Match && !answer.MatchedRight),
        answers.Count(answer => answer.Decision == Decision.Ambiguous),
        answers.Count(answer => answer.Decision == Decision.Unknown));
}
