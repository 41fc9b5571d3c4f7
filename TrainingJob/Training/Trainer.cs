using System.Text.Json;
using System.Text.Json.Serialization;
using FaceSearch.Evaluation;
using FaceSearch.TrainingJob.Augmentation;
using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Measures;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Objectives;
using FaceSearch.TrainingJob.Torch;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Training;

/// <summary>The trainer of all modes.</summary>
public sealed class Trainer : ITrainer
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) } };

    /// <inheritdoc/>
    public Task<TrainingResult> TrainAsync(TrainingOptions options, IFaceSource faces, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default) =>
        Task.Run(() => RunAsync(options, faces, progress, cancellation), cancellation);

    private static async Task<TrainingResult> RunAsync(TrainingOptions options, IFaceSource faces, IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        Directory.CreateDirectory(options.RunFolder);
        File.WriteAllBytes(Path.Combine(options.RunFolder, "options.json"), JsonSerializer.SerializeToUtf8Bytes(options, Json));
        FaceSet set = await FaceSet.LoadAsync(faces, Path.Combine(options.RunFolder, "faces.bin"), n => progress?.Report(new("preparing", n, 0)), cancellation).ConfigureAwait(false);
        TorchRuntime runtime = TorchRuntime.Choose(options);
        InstalledModel teacher = new ModelStore(options.ModelsFolder!).Find(ModelKind.Embedder, options.BaseModel)!;
        int[] train = set.Of(Split.Train, options);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        TeacherViews views = TeacherViews.Load(set, train, teacher, options.TeacherViews, options.Seed, Path.Combine(options.RunFolder, "teacher.bin"),
            n => progress?.Report(new("preparing", n, train.Length, Remaining: clock.Elapsed / n * (train.Length - n))), cancellation);
        var network = new Network(NetworkCatalogue.Find(options.Network).Define(new NetworkOptions { Dimension = options.Dimension }), options.Seed);
        int side = network.Definition.Input.Height;
        var objective = new DistilObjective(set, train, views, options, side);
        int[] validation = set.Of(Split.Validation, options);
        var loop = new TrainingLoop(options, runtime, objective, n => Figures(n, runtime, set, validation));
        (Network best, _) = loop.Run(network, progress, cancellation);
        int[] test = set.Of(Split.Test, options);
        EvaluationFigures figures = Figures(best, runtime, set, test)!;
        Console.WriteLine(figures);
        throw new TrainingException("Export is not there yet.");
    }

    private static EvaluationFigures? Figures(Network network, TorchRuntime runtime, FaceSet set, int[] faces)
    {
        if (faces.Length == 0)
            return null;
        int side = network.Definition.Input.Height;
        EmbeddingMatrix embeddings = NetworkEmbedder.Embed(network, runtime, faces.Length, network.Definition.Input.Length,
            (i, values, at) => FaceRenderer.Encode(set.Faces[faces[i]].Aligned!, side, values.AsSpan(at, side * side * 3)));
        return EmbeddingFigures.Of(embeddings, [.. faces.Select(i => set.Identities[i])]);
    }
}
