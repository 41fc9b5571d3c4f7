using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Onnx;

namespace FaceSearch.TrainingJob.Tests.Training;

/// <summary>A folder that holds one small embedder with random weights, and room for runs; gone at the end of a test.</summary>
internal sealed class TinyBase : IDisposable
{
    public const int Dimension = 32;

    public TinyBase()
    {
        Directory.CreateDirectory(Models);
        Install("tiny-base", 1);
    }

    public string Root { get; } = Directory.CreateTempSubdirectory("facesearch-training-").FullName;

    public string Models => Path.Combine(Root, "models");

    public string Run(string name) => Path.Combine(Root, name);

    public void Install(string name, int seed)
    {
        var b = new NetworkBuilder("tiny", new FeatureShape(3, 112, 112));
        NetworkNode x = b.Add("pool", new AveragePool(8, 8), b.Input);
        x = b.Add("fc", new FullyConnected(Dimension), x);
        b.Add("l2", new L2Normalise(), x);
        using var network = new Network(b.Build(), seed);
        byte[] onnx = OnnxExport.Write(network);
        File.WriteAllBytes(Path.Combine(Models, name + ".onnx"), onnx);
        File.WriteAllText(Path.Combine(Models, name + ".json"), EmbedderManifest.For(name, network.Definition, onnx, "MIT", FolderFaces.Template).ToJson());
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
