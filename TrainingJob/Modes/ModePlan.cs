using FaceSearch.Evaluation;
using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Objectives;
using FaceSearch.TrainingJob.Onnx;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Modes;

/// <summary>A mode, ready to train: what is trained, for what, how it is looked at meanwhile, and how it is written at the end.</summary>
/// <param name="Network">With its initial weights.</param>
/// <param name="Objective">What it learns.</param>
/// <param name="Embed">Embeds faces of the set by the network as it stands.</param>
/// <param name="Export">The finished network as an ONNX file.</param>
/// <param name="Describe">The manifest of that file.</param>
/// <param name="Base">The model it started from or is compared with, or null.</param>
internal sealed record ModePlan(
    Network Network, Objective Objective, Func<Network, int[], EmbeddingMatrix> Embed, Func<Network, byte[]> Export, Func<byte[], ModelManifest> Describe, InstalledModel? Base)
{
    /// <summary>The plan of the options' mode.</summary>
    /// <exception cref="TrainingException">The options or the data do not allow it.</exception>
    public static ModePlan Of(RunContext run) => run.Options.Mode switch
    {
        TrainingMode.Distil => Distil(run),
        TrainingMode.Scratch or TrainingMode.FineTune => Triplets(run),
        TrainingMode.Head => HeadPlan.Of(run),
        TrainingMode.Compatible when run.Options.Network == "head" => HeadPlan.Of(run),
        TrainingMode.Compatible => Triplets(run),
        _ => throw new TrainingException($"There is no mode '{run.Options.Mode}'."),
    };

    private static ModePlan Distil(RunContext run)
    {
        InstalledModel teacher = run.Embedder(run.Options.BaseModel);
        if (teacher.Manifest.Dimension != run.Options.Dimension)
            throw new TrainingException($"The teacher's embeddings have {teacher.Manifest.Dimension} numbers; set the dimension to that, not {run.Options.Dimension}.");
        TeacherViews views = run.Views(teacher, "teacher.bin", run.Options.TeacherViews, run.Options.TeacherViews / 3);
        Network network = run.NewNetwork();
        if (run.Options.StartFrom is not null)
            LoadWeights(network, run.Options.StartFrom);
        IReadOnlyList<HintPair> hints = HintPair.Parse(run.Options.Hints);
        var objective = new DistilObjective(run.Set, run.Training, views, run.Options, network.Definition.Input.Height)
        {
            Hints = hints,
            Maps = hints.Count == 0 ? null : run.Maps(teacher, views, [.. hints.Select(h => h.TeacherValue)], shapes => Check(network.Definition, hints, shapes)),
        };
        return Image(run, network, objective, teacher);
    }

    private static void Check(NetworkDefinition network, IReadOnlyList<HintPair> hints, IReadOnlyList<FeatureShape> shapes)
    {
        foreach ((HintPair hint, FeatureShape wanted) in hints.Zip(shapes))
        {
            NetworkNode layer = network.Nodes.FirstOrDefault(n => n.Name == hint.Layer)
                ?? throw new TrainingException($"The network '{network.Name}' has no layer '{hint.Layer}'; it has: {string.Join(", ", network.Nodes.Select(n => n.Name))}.");
            if ((layer.Shape.Height, layer.Shape.Width) != (wanted.Height, wanted.Width))
                throw new TrainingException($"The layer '{hint.Layer}' puts out {layer.Shape} and the teacher's value '{hint.TeacherValue}' is {wanted}: a hint needs the same height and width.");
        }
    }

    private static ModePlan Triplets(RunContext run)
    {
        TrainingOptions options = run.Options;
        Network network = run.NewNetwork();
        if (options.Mode == TrainingMode.FineTune)
            LoadWeights(network, options.StartFrom);
        InstalledModel? old = options.Mode == TrainingMode.Compatible ? run.Embedder(options.OldModel) : null;
        InstalledModel? teacher = options.TeacherWeight > 0 ? run.Embedder(options.BaseModel) : null;
        TeacherViews? oldVectors = old is null ? null : run.Views(old, "old.bin", 1, 0), teacherVectors = teacher is null ? null : run.Views(teacher, "teacher1.bin", 1, 0);
        CheckDimension(old, options.Dimension);
        CheckDimension(teacher, options.Dimension);
        var objective = new TripletObjective(run.TrainingIdentities, run.RenderImage(network.Definition.Input.Height), options)
        {
            Old = oldVectors is null ? null : face => oldVectors.Target(face, 0),
            Teacher = teacherVectors is null ? null : face => teacherVectors.Target(face, 0),
            Embed = (latest, faces) => run.Embed(latest, [.. faces.Select(f => run.Training[f])]),
        };
        return Image(run, network, objective, old ?? teacher);
    }

    internal static void CheckDimension(InstalledModel? model, int dimension)
    {
        if (model is not null && model.Manifest.Dimension != dimension)
            throw new TrainingException($"Vectors of '{model.Manifest.Name}' have {model.Manifest.Dimension} numbers and the new ones {dimension}: they cannot be compared. Set the dimension to {model.Manifest.Dimension}.");
    }

    private static ModePlan Image(RunContext run, Network network, Objective objective, InstalledModel? compared)
    {
        int side = network.Definition.Input.Height;
        ImagePoint[] template = [.. FolderFaces.Template.Select(p => new ImagePoint(p.X * side / FolderFaces.Side, p.Y * side / FolderFaces.Side))];
        return new ModePlan(network, objective, run.Embed, OnnxExport.Write,
            onnx => EmbedderManifest.For(run.Options.ModelName, network.Definition, onnx, run.Options.Licence, template) with { MirrorAndSum = true }, compared);
    }

    private static void LoadWeights(Network network, string? from)
    {
        string? file = from is not null && Directory.Exists(from) ? new Checkpoint(from).AverageFile : from;
        if (file is null || !File.Exists(file))
            throw new TrainingException("Fine-tuning starts from weights: name the folder of a finished run, or a file of weights, by --from.");
        try
        {
            network.load(file);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            throw new TrainingException($"The weights to start from are those of another network than '{network.Definition.Name}': {e.Message}", e);
        }
    }
}
