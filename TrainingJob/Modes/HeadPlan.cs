using FaceSearch.Evaluation;
using FaceSearch.TrainingJob.Augmentation;
using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Objectives;
using FaceSearch.TrainingJob.Onnx;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Modes;

/// <summary>
/// A head on a frozen embedder: every face is embedded once, and what is trained is a small network from vector to
/// vector, in minutes. At the end the two are merged into one ONNX graph.
/// </summary>
internal static class HeadPlan
{
    /// <summary>The plan of the head and the compatible mode.</summary>
    public static ModePlan Of(RunContext run)
    {
        TrainingOptions options = run.Options;
        InstalledModel frozen = run.Embedder(options.BaseModel);
        InstalledModel? old = options.Mode == TrainingMode.Compatible ? run.Embedder(options.OldModel) : null;
        ModePlan.CheckDimension(old, options.Dimension);
        TeacherViews views = run.Views(frozen, "base.bin", options.TeacherViews, 0);
        TeacherViews? oldVectors = old is null ? null : run.Views(old, "old.bin", 1, 0);
        var network = new Network(HeadNetwork.Define(frozen.Manifest.Dimension, options.Dimension, options.HeadHidden), options.Seed);
        if (options.HeadHidden == 0 && frozen.Manifest.Dimension == options.Dimension)
            StartAsIdentity(network);
        var objective = new TripletObjective(run.TrainingIdentities, (face, random, values) => views.Target(face, random.Next(views.Count)).CopyTo(values), options)
        {
            Old = oldVectors is null ? null : face => oldVectors.Target(face, 0),
            Teacher = options.TeacherWeight > 0 && frozen.Manifest.Dimension == options.Dimension ? face => views.Target(face, 0) : null,
            Embed = (head, faces) => NetworkEmbedder.Embed(head, run.Runtime, faces.Length, frozen.Manifest.Dimension, (i, values, at) => views.Target(faces[i], 0).CopyTo(values.AsSpan(at))),
        };
        var known = new Lazy<OnnxFaceEmbedder>(() => new OnnxFaceEmbedder(frozen));
        var cache = new Dictionary<int, float[]>();
        return new ModePlan(network, objective, (head, faces) => Embed(run, head, known.Value, cache, faces),
            head => OnnxMerge.Append(frozen.Load(), frozen.Manifest.Output!, head),
            onnx => Describe(frozen.Manifest, onnx, options), old ?? frozen);
    }

    /// <summary>The same input as the base model's, another output.</summary>
    private static ModelManifest Describe(ModelManifest frozen, byte[] onnx, TrainingOptions options) => frozen with
    {
        Name = options.ModelName,
        File = options.ModelName + ".onnx",
        Bytes = onnx.Length,
        Sha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(onnx)),
        Source = null,
        Output = OnnxExport.OutputName,
        Dimension = options.Dimension,
        ImpostorOperatingPoints = [],
    };

    private static EmbeddingMatrix Embed(RunContext run, Network head, OnnxFaceEmbedder frozen, Dictionary<int, float[]> cache, int[] faces)
    {
        int length = frozen.Manifest.Dimension;
        foreach (int face in faces.Where(f => !cache.ContainsKey(f)))
        {
            float[] vector = new float[length];
            frozen.Embed([FaceRenderer.Fit(run.Set.Faces[face].Aligned!, frozen.Manifest.Input.Width)], vector);
            cache[face] = vector;
        }
        return NetworkEmbedder.Embed(head, run.Runtime, faces.Length, length, (i, values, at) => cache[faces[i]].CopyTo(values, at));
    }

    private static void StartAsIdentity(Network network)
    {
        using IDisposable _ = no_grad();
        NetworkNode node = network.Definition.Nodes.Single(n => n.Layer is FullyConnected);
        var linear = (Linear)network.ModuleOf(node)!;
        linear.weight!.copy_(eye(linear.weight.shape[0]));
    }
}
