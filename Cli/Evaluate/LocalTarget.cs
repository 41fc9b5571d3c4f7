using FaceSearch.Cli.Enrolment;
using FaceSearch.Evaluation;

namespace FaceSearch.Cli.Evaluate;

/// <summary>Exact search over embeddings made in this process; thresholds are calibrated as a gallery's are.</summary>
internal sealed class LocalTarget(LocalEmbedder embedder, double targetFpir) : ISearchTarget
{
    private readonly Dictionary<string, EmbeddedImage> known = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> numbers = new(StringComparer.Ordinal);
    private readonly List<float> gallery = [];
    private readonly List<int> galleryIdentities = [];
    private readonly List<string> galleryNames = [];

    public string Mode => "local";

    public string Model => embedder.Manifest.Name;

    private int Dimension => embedder.Manifest.Dimension;

    public Task<IReadOnlyList<ImageFailure>> EnrolAsync(IReadOnlyList<PersonImage> images, IProgress<int> progress, CancellationToken cancellation)
    {
        Embed(images, progress, cancellation);
        List<ImageFailure> failures = [];
        foreach (PersonImage image in images)
        {
            if (known[image.FullPath] is not { Embedding: { } embedding } embedded)
            {
                failures.Add(new(image.RelativePath, known[image.FullPath].Failure!));
                continue;
            }
            gallery.AddRange(embedded.Embedding);
            galleryIdentities.Add(Number(image.Identity));
        }
        return Task.FromResult<IReadOnlyList<ImageFailure>>(failures);
    }

    public Task<IReadOnlyList<SearchedProbe>> IdentifyAsync(IReadOnlyList<PersonImage> probes, IProgress<int> progress, CancellationToken cancellation)
    {
        Embed(probes, progress, cancellation);
        List<PersonImage> searchable = [.. probes.Where(probe => known[probe.FullPath].Embedding is not null)];
        float[] rows = [.. searchable.SelectMany(probe => known[probe.FullPath].Embedding!)];
        int[] identities = [.. searchable.Select(probe => Number(probe.Identity))];
        IdentificationOutcomes outcomes = IdentificationSearch.Run(new EmbeddingMatrix([.. gallery], Dimension), [.. galleryIdentities], new EmbeddingMatrix(rows, Dimension), identities);
        float threshold = Calibrate().ThresholdForFpir(targetFpir, People());
        Dictionary<string, int> rowOf = [];
        for (int i = 0; i < searchable.Count; i++)
            rowOf[searchable[i].FullPath] = i;
        IReadOnlyList<SearchedProbe> answers = [.. probes.Select(probe => rowOf.TryGetValue(probe.FullPath, out int row)
            ? Answer(probe, outcomes, row, threshold)
            : SearchedProbe.Failed(probe, known[probe.FullPath].Failure!))];
        return Task.FromResult(answers);
    }

    public Task<ThresholdInForce> ThresholdAsync(CancellationToken cancellation)
    {
        ScoreCalibration calibration = Calibrate();
        float score = calibration.ThresholdForFpir(targetFpir, People());
        return Task.FromResult(new ThresholdInForce(
            score, calibration.FmrAt(score), calibration.FpirAt(score, People()), calibration.SampleSize == 0 ? "prior" : "calibrated",
            calibration.SampleSize, calibration.FittedIdentities, null));
    }

    public ValueTask DisposeAsync()
    {
        embedder.Dispose();
        return ValueTask.CompletedTask;
    }

    private SearchedProbe Answer(PersonImage probe, IdentificationOutcomes outcomes, int row, float threshold)
    {
        bool enrolled = outcomes.MatedRanks[row] > 0;
        float mated = enrolled ? outcomes.MatedScores[row] : float.NegativeInfinity;
        float impostor = outcomes.ImpostorScores[row];
        bool ownFirst = mated > impostor;
        float best = Math.Max(mated, impostor);
        float runnerUp = ownFirst ? impostor : Math.Max(mated, outcomes.SecondImpostorScores[row]);
        Decision decision = Enum.Parse<Decision>(DecisionRule.Decide(best, runnerUp, threshold).ToString());
        string? bestIdentity = ownFirst ? probe.Identity : outcomes.ImpostorIdentities[row] < 0 ? null : galleryNames[outcomes.ImpostorIdentities[row]];
        return new(probe, null, enrolled ? outcomes.MatedRanks[row] : SearchedProbe.NotFound, mated, impostor, decision, bestIdentity);
    }

    private ScoreCalibration Calibrate()
    {
        EmbeddingMatrix templates = new([.. gallery], Dimension);
        float[] impostors = IdentificationSearch.Run(templates, [.. galleryIdentities], templates, [.. galleryIdentities]).ImpostorScores;
        IReadOnlyList<Vision.OperatingPoint> points = embedder.Manifest.ImpostorOperatingPoints;
        ImpostorPrior prior = points.Count >= 2
            ? new ImpostorPrior([.. points.Select(point => new Evaluation.OperatingPoint(point.Fmr, point.Score))])
            : ImpostorPrior.ForDimension(Dimension);
        return ImpostorCalibration.Fit(impostors, People(), prior, ImpostorPairSample.Of(templates, [.. galleryIdentities]));
    }

    private int People() => galleryIdentities.Distinct().Count();

    private void Embed(IReadOnlyList<PersonImage> images, IProgress<int> progress, CancellationToken cancellation)
    {
        PersonImage[] missing = [.. images.Where(image => !known.ContainsKey(image.FullPath))];
        progress.Report(images.Count - missing.Length);
        foreach ((string path, EmbeddedImage embedded) in embedder.Embed(missing, progress, cancellation))
            known[path] = embedded;
    }

    private int Number(string identity)
    {
        if (!numbers.TryGetValue(identity, out int number))
        {
            numbers[identity] = number = numbers.Count;
            galleryNames.Add(identity);
        }
        return number;
    }
}
