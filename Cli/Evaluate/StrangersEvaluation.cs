using System.Security.Cryptography;
using System.Text;
using FaceSearch.Cli.Enrolment;
using FaceSearch.Cli.Terminal;
using FaceSearch.Evaluation;

namespace FaceSearch.Cli.Evaluate;

/// <summary>One gallery size of the strangers' experiment.</summary>
/// <param name="People">People enrolled, one image each.</param>
/// <param name="Threshold">In force at that size, set by the target itself.</param>
/// <param name="StrangerProbes">Probes of people who are not enrolled.</param>
/// <param name="StrangersMatched">How many of them were answered <c>match</c>.</param>
/// <param name="Fpir">Their share.</param>
/// <param name="FpirLower">Lower end of its 95 % interval, people resampled.</param>
/// <param name="FpirUpper">Upper end.</param>
/// <param name="MatedProbes">Further images of the people enrolled.</param>
/// <param name="MatedRight">How many were answered <c>match</c> with the right person.</param>
/// <param name="Tpir">Their share.</param>
internal sealed record StrangersStep(
    int People, ThresholdInForce Threshold, int StrangerProbes, int StrangersMatched, double Fpir, double FpirLower, double FpirUpper,
    int MatedProbes, int MatedRight, double Tpir);

/// <summary>An open-set 1:N evaluation. Its JSON form is stable.</summary>
internal sealed record StrangersReport(
    string Mode, string Model, double TargetFpir, int Strangers, IReadOnlyList<StrangersStep> Steps, IReadOnlyList<ImageFailure> Failures);

/// <summary>
/// Half of the people (by a hash of their name) are never enrolled. One gallery grows with first images of the others from
/// size to size, and at each size all images of the strangers and all further images of the enrolled are searched. Nothing is
/// tuned between: the target's own calibration has to hold the wanted FPIR.
/// </summary>
internal static class StrangersEvaluation
{
    public static async Task<StrangersReport> RunAsync(
        ISearchTarget target, PeopleFolder faces, IReadOnlyList<int> sizes, double targetFpir, Output output, CancellationToken cancellation)
    {
        (List<string> pool, HashSet<string> strangers) = Halve(faces.Images.Select(image => image.Identity).Distinct(StringComparer.Ordinal));
        if (sizes.Max() > pool.Count)
            throw new UsageException($"There are {pool.Count} people to enrol (the other half are the strangers), fewer than {sizes.Max()}.", "Name smaller --sizes.");
        (List<PersonImage> first, List<PersonImage> rest) = IdentificationEvaluation.SplitFirst(faces.Images);
        Dictionary<string, PersonImage> firstOf = first.ToDictionary(image => image.Identity, StringComparer.Ordinal);
        List<PersonImage> strangerProbes = [.. faces.Images.Where(image => strangers.Contains(image.Identity))];

        List<StrangersStep> steps = [];
        Dictionary<string, ImageFailure> failures = [];
        HashSet<string> enrolled = new(StringComparer.Ordinal);
        foreach (int size in sizes.Order())
        {
            List<PersonImage> added = [.. pool.Take(size).Where(enrolled.Add).Select(person => firstOf[person])];
            IReadOnlyList<PersonImage> matedProbes = [.. rest.Where(image => enrolled.Contains(image.Identity))];
            IReadOnlyList<SearchedProbe> strange = [], mated = [];
            await output.WithProgressAsync($"{size} people: enrolling {added.Count}", added.Count, async progress =>
                Note(failures, await target.EnrolAsync(added, progress, cancellation)));
            await output.WithProgressAsync($"{size} people: {strangerProbes.Count} strangers' probes", strangerProbes.Count, async progress =>
                strange = await target.IdentifyAsync(strangerProbes, progress, cancellation));
            await output.WithProgressAsync($"{size} people: {matedProbes.Count} of their own", matedProbes.Count, async progress =>
                mated = await target.IdentifyAsync(matedProbes, progress, cancellation));
            Note(failures, strange.Concat(mated).Where(answer => answer.Failure is not null).Select(answer => new ImageFailure(answer.Probe.RelativePath, answer.Failure!)));
            steps.Add(Step(size, await target.ThresholdAsync(cancellation), strange, mated));
        }
        return new(target.Mode, target.Model, targetFpir, strangers.Count, steps, [.. failures.Values.OrderBy(failure => failure.File, StringComparer.Ordinal)]);
    }

    /// <summary>Orders people by a hash of their name and halves them: the same on every machine, and for every subset of the rest.</summary>
    public static (List<string> Pool, HashSet<string> Strangers) Halve(IEnumerable<string> people)
    {
        List<string> ordered = [.. people.OrderBy(person => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(person))), StringComparer.Ordinal)];
        int half = ordered.Count / 2;
        return (ordered[half..], [.. ordered[..half]]);
    }

    private static StrangersStep Step(int size, ThresholdInForce threshold, IReadOnlyList<SearchedProbe> strange, IReadOnlyList<SearchedProbe> mated)
    {
        int matched = strange.Count(answer => answer.Decision == Decision.Match);
        int right = mated.Count(answer => answer.MatchedRight);
        ConfidenceInterval interval = Interval(strange);
        return new(
            size, threshold, strange.Count, matched, Share(matched, strange.Count), interval.Lower, interval.Upper,
            mated.Count, right, Share(right, mated.Count));
    }

    private static ConfidenceInterval Interval(IReadOnlyList<SearchedProbe> answers)
    {
        Dictionary<string, int> numbers = [];
        int[] people = new int[answers.Count];
        for (int i = 0; i < people.Length; i++)
        {
            string person = answers[i].Probe.Identity;
            if (!numbers.TryGetValue(person, out people[i]))
                numbers[person] = people[i] = numbers.Count;
        }
        return Bootstrap.Interval(people, rows =>
        {
            int matched = 0;
            foreach (int row in rows)
            {
                if (answers[row].Decision == Decision.Match)
                    matched++;
            }
            return Share(matched, rows.Length);
        }, seed: 1);
    }

    private static double Share(int part, int whole) => whole == 0 ? 0 : (double)part / whole;

    private static void Note(Dictionary<string, ImageFailure> failures, IEnumerable<ImageFailure> more)
    {
        foreach (ImageFailure failure in more)
            failures[failure.File] = failure;
    }
}
