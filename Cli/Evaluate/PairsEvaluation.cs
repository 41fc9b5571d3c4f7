using System.Collections.Concurrent;
using FaceSearch.Cli.Client;
using FaceSearch.Cli.Enrolment;
using FaceSearch.Cli.Terminal;
using FaceSearch.Evaluation;
using FaceSearch.Http;

namespace FaceSearch.Cli.Evaluate;

/// <summary>A pair protocol's result. Its JSON form is stable.</summary>
/// <param name="Accuracy">Mean of the folds' accuracies.</param>
/// <param name="StandardError">Of that mean.</param>
/// <param name="TarAtFar">True-accept rate at a false-accept rate of 1e-3, over all pairs used.</param>
/// <param name="PairsLeftOut">Pairs with an image that is not in the folder or gave no template.</param>
internal sealed record PairsReport(
    string Mode, string Model, double Accuracy, double StandardError, double TarAtFar, int PairsUsed, int PairsLeftOut,
    IReadOnlyList<double> FoldAccuracies, IReadOnlyList<float> FoldThresholds, IReadOnlyList<ImageFailure> Failures, string? Csv)
{
    public static PairsReport Of(string mode, string model, IReadOnlyList<ScoredPair> scored, int leftOut, IReadOnlyList<ImageFailure> failures)
    {
        PairAccuracyResult result = PairAccuracy.Evaluate(scored, leftOut);
        VerificationMetrics metrics = new(
            [.. scored.Where(pair => pair.Same).Select(pair => pair.Score)], [.. scored.Where(pair => !pair.Same).Select(pair => pair.Score)]);
        return new(
            mode, model, result.Mean, result.StandardError, metrics.TarAtFar(1e-3), result.PairsUsed, result.PairsLeftOut,
            result.FoldAccuracies, result.FoldThresholds, failures, null);
    }
}

/// <summary>LFW's ten folds (docs/evaluation.md), in this process or by a server's templates and its verify operation.</summary>
internal static class PairsEvaluation
{
    /// <summary>The images of a folder that the pairs name.</summary>
    public static Dictionary<LfwImage, PersonImage> Needed(IReadOnlyList<LfwPair> pairs, PeopleFolder faces)
    {
        HashSet<LfwImage> named = [.. pairs.SelectMany(pair => (LfwImage[])[pair.First, pair.Second])];
        Dictionary<LfwImage, PersonImage> needed = [];
        foreach (PersonImage image in faces.Images)
        {
            string stem = Path.GetFileNameWithoutExtension(image.RelativePath);
            if (stem.LastIndexOf('_') > 0 && TryParse(stem, out LfwImage name) && named.Contains(name))
                needed[name] = image;
        }
        return needed;
    }

    /// <summary>Embeds here and scores by inner product.</summary>
    public static async Task<PairsReport> RunLocalAsync(
        LocalEmbedder embedder, IReadOnlyList<LfwPair> pairs, PeopleFolder faces, Output output, CancellationToken cancellation)
    {
        Dictionary<LfwImage, PersonImage> needed = Needed(pairs, faces);
        IReadOnlyDictionary<string, EmbeddedImage>? embedded = null;
        await output.WithProgressAsync("Embedding", needed.Count, progress =>
            Task.Run(() => embedded = embedder.Embed([.. needed.Values], progress, cancellation), cancellation));
        Dictionary<LfwImage, int> rowOf = [];
        List<float> rows = [];
        foreach ((LfwImage name, PersonImage image) in needed)
        {
            if (embedded![image.FullPath].Embedding is not { } embedding) continue;
            rowOf[name] = rowOf.Count;
            rows.AddRange(embedding);
        }
        (IReadOnlyList<ScoredPair> scored, int leftOut) = PairAccuracy.Score(pairs, rowOf, new EmbeddingMatrix([.. rows], embedder.Manifest.Dimension));
        List<ImageFailure> failures = [.. needed.Values
            .Where(image => embedded![image.FullPath].Failure is not null)
            .Select(image => new ImageFailure(image.RelativePath, embedded![image.FullPath].Failure!))];
        return PairsReport.Of("local", embedder.Manifest.Name, scored, leftOut, failures);
    }

    /// <summary>Asks the server for each image's template (most central face) once, and to verify every pair of them.</summary>
    public static async Task<PairsReport> RunHttpAsync(
        FaceSearchClient client, IReadOnlyList<LfwPair> pairs, PeopleFolder faces, int parallel, Output output, CancellationToken cancellation)
    {
        Dictionary<LfwImage, PersonImage> needed = Needed(pairs, faces);
        ConcurrentDictionary<LfwImage, Embedding> templates = [];
        ConcurrentBag<ImageFailure> failures = [];
        ParallelOptions options = new() { MaxDegreeOfParallelism = parallel, CancellationToken = cancellation };
        string model = "";
        await output.WithProgressAsync("Templates", needed.Count, progress => Parallel.ForEachAsync(needed, options, async (image, token) =>
        {
            try
            {
                TemplateRequest request = new() { Image = await File.ReadAllBytesAsync(image.Value.FullPath, token), Faces = FacePolicy.Central };
                FaceTemplate template = (await client.TemplatesAsync(request, token)).Templates[0];
                templates[image.Key] = template.Embedding;
                model = template.Model;
            }
            catch (ApiException refusal) when (refusal.Type is ProblemTypes.NoFace or ProblemTypes.ImageRejected or ProblemTypes.FaceRejected)
            {
                failures.Add(new(image.Value.RelativePath, refusal.Type));
            }
            progress.Report(1);
        }));
        List<LfwPair> usable = [.. pairs.Where(pair => templates.ContainsKey(pair.First) && templates.ContainsKey(pair.Second))];
        ScoredPair[] scored = new ScoredPair[usable.Count];
        await output.WithProgressAsync("Verifying pairs", usable.Count, progress => Parallel.ForAsync(0, usable.Count, options, async (i, token) =>
        {
            VerifyRequest request = new() { A = new FaceInput { Embedding = templates[usable[i].First] }, B = new FaceInput { Embedding = templates[usable[i].Second] } };
            scored[i] = new(usable[i].Fold, usable[i].Same, (await client.VerifyAsync(request, token)).Score);
            progress.Report(1);
        }));
        return PairsReport.Of("http", model, scored, pairs.Count - usable.Count, [.. failures.OrderBy(failure => failure.File, StringComparer.Ordinal)]);
    }

    private static bool TryParse(string stem, out LfwImage name)
    {
        try
        {
            name = LfwImage.Parse(stem);
            return true;
        }
        catch (FormatException)
        {
            name = default;
            return false;
        }
    }
}
