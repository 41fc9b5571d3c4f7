using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using FaceSearch.Evaluation;
using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Measures;
using FaceSearch.TrainingJob.Modes;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Reports;
using FaceSearch.TrainingJob.Torch;
using FaceSearch.Vision;
using TorchSharp;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Training;

/// <summary>The trainer of all modes: reads, trains, exports, judges, reports.</summary>
public sealed class Trainer : ITrainer
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    /// <inheritdoc/>
    public Task<TrainingResult> TrainAsync(TrainingOptions options, IFaceSource faces, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default) =>
        Task.Run(() => RunAsync(options, faces, progress, cancellation), cancellation);

    private static async Task<TrainingResult> RunAsync(TrainingOptions options, IFaceSource faces, IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        TrainingOptionsCheck.Check(options);
        Directory.CreateDirectory(options.RunFolder);
        using FileStream owned = Own(options.RunFolder);
        File.WriteAllBytes(Path.Combine(options.RunFolder, "options.json"), JsonSerializer.SerializeToUtf8Bytes(options, Json));
        FaceSet set = await FaceSet.LoadAsync(faces, Path.Combine(options.RunFolder, "faces.bin"), n => progress?.Report(new("reading", n, 0)), cancellation).ConfigureAwait(false);
        var run = new RunContext(options, set, TorchRuntime.Choose(options), progress, cancellation);
        CheckFaces(run);
        ModePlan plan = ModePlan.Of(run);

        int[] validation = set.Of(Split.Validation, options);
        bool canValidate = HasPair(set, validation);
        var loop = new TrainingLoop(options, run.Runtime, plan.Objective,
            network => canValidate ? EmbeddingFigures.Of(plan.Embed(network, validation), ModelEvaluator.Identities(set, validation)) : null);
        (Network best, MetricsLog metrics) = loop.Run(plan.Network, progress, cancellation);
        using (best)
        {
            progress?.Report(new TrainingProgress("exporting", 0, 1));
            InstalledModel model = Export(run, plan, best);
            return Judge(run, plan, model, metrics, faces.Description);
        }
    }

    /// <summary>Two processes never train one run: the second is refused.</summary>
    private static FileStream Own(string folder)
    {
        try
        {
            return new FileStream(Path.Combine(folder, "run.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException e)
        {
            throw new TrainingException("Another process trains this run.", e);
        }
    }

    private static void CheckFaces(RunContext run)
    {
        if (run.Training.Length < 2)
            throw new TrainingException($"There are {run.Training.Length} training faces with an aligned crop among {run.Set.Faces.Count}. Is a detector installed (facesearch models pull {ModelCatalogue.YuNet})?");
        if (!HasPair(run.Set, run.Set.Of(Split.Test, run.Options)))
            throw new TrainingException($"None of the test people ({run.Options.TestShare:P0} of all, by a hash of their name) has two faces, so the model could not be judged. Give more people, or raise the test share.");
    }

    private static bool HasPair(FaceSet set, int[] faces)
    {
        int people = faces.Select(i => set.Identities[i]).Distinct().Count();
        return people >= 2 && people < faces.Length;
    }

    private static InstalledModel Export(RunContext run, ModePlan plan, Network network)
    {
        network.to(CPU);
        byte[] onnx = plan.Export(network);
        ModelManifest manifest = plan.Describe(onnx);
        string folder = Path.Combine(run.Options.RunFolder, "model");
        Directory.CreateDirectory(folder);
        string file = Path.Combine(folder, manifest.File);
        File.WriteAllBytes(file, onnx);
        return new InstalledModel(manifest, file);
    }

    private static TrainingResult Judge(RunContext run, ModePlan plan, InstalledModel model, MetricsLog metrics, string source)
    {
        (FaceSet set, TrainingOptions options, CancellationToken cancellation) = (run.Set, run.Options, run.Cancellation);
        int[] test = set.Of(Split.Test, options);
        int[] people = ModelEvaluator.Identities(set, test);
        run.Progress?.Report(new TrainingProgress("evaluating", 0, test.Length));
        EmbeddingMatrix vectors = ModelEvaluator.Embed(model, set, test, true, n => run.Progress?.Report(new TrainingProgress("evaluating", n, test.Length)), cancellation);
        model = model with { Manifest = model.Manifest with { ImpostorOperatingPoints = ModelEvaluator.ImpostorPoints(vectors, people) } };
        string manifestPath = Path.ChangeExtension(model.Path, ".json");
        File.WriteAllText(manifestPath, model.Manifest.ToJson());

        EmbeddingMatrix? before = plan.Base is null ? null : ModelEvaluator.Embed(plan.Base, set, test, true, null, cancellation);
        var report = new EvaluationReport(
            EmbeddingFigures.Of(vectors, people), ModelEvaluator.Figures(model, set, test, aligned: false, cancellation), plan.Base?.Manifest.Name,
            before is null ? null : EmbeddingFigures.Of(before, people),
            plan.Base is null ? null : ModelEvaluator.Figures(plan.Base, set, test, aligned: false, cancellation),
            options.Mode == TrainingMode.Compatible ? ModelEvaluator.Compatibility(plan.Base!.Manifest.Name, before!, vectors, people) : null);

        var lineage = new Lineage(
            plan.Base is null ? null : $"{plan.Base.Manifest.Name} {plan.Base.Manifest.Sha256}", source, set.Fingerprint,
            JsonSerializer.Serialize(options with { RunFolder = "", ModelsFolder = null, StartFrom = options.StartFrom is null ? null : Path.GetFileName(options.StartFrom) }, Json), options.Seed, CodeVersion);
        string reportPath = Report(options, model.Manifest.Name, report, lineage, metrics, vectors, before, plan.Base?.Manifest.Name, people);
        return new TrainingResult(model.Path, manifestPath, model.Manifest, report.Aligned, report.BaseAligned, lineage, reportPath) { Evaluation = report };
    }

    private static string Report(
        TrainingOptions options, string name, EvaluationReport report, Lineage lineage, MetricsLog metrics, EmbeddingMatrix vectors, EmbeddingMatrix? before, string? baseName, int[] people)
    {
        string In(string file) => Path.Combine(options.RunFolder, file);
        File.WriteAllBytes(In("evaluation.json"), JsonSerializer.SerializeToUtf8Bytes(report, Json));
        File.WriteAllBytes(In("lineage.json"), JsonSerializer.SerializeToUtf8Bytes(lineage, Json));
        RunPlots.Loss(In("loss.png"), metrics.Lines);
        if (metrics.Lines.Any(l => l.ActiveShare is not null))
            RunPlots.ActiveTriplets(In("active-triplets.png"), metrics.Lines);
        RunPlots.Validation(In("validation.png"), metrics.Lines);
        List<(string, IdentificationMetrics)> curves = [(name, EmbeddingFigures.Search(vectors, people, out _))];
        if (before is not null)
            curves.Add((baseName!, EmbeddingFigures.Search(before, people, out _)));
        RunPlots.Det(In("det.png"), curves);
        HtmlReport.Write(In("report.html"), name, report, lineage, [In("loss.png"), In("active-triplets.png"), In("validation.png"), In("det.png")]);
        return In("report.html");
    }

    private static string CodeVersion =>
        typeof(Trainer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
}
