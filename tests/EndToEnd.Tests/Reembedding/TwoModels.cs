using System.Security.Cryptography;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Vision;
using FaceSearch.Vision.Onnx;
using Google.Protobuf;

namespace FaceSearch.EndToEnd.Tests.Reembedding;

/// <summary>
/// A models folder with the real detector, the real embedder and a second one: the same network with the components of its output in
/// another order, so that embeddings of the two have nothing to do with each other and each recognises as well as the other.
/// </summary>
internal sealed class TwoModels : IDisposable
{
    public const string First = ModelCatalogue.MobileFaceNet, Second = "mobilefacenet-shuffled";

    public string Folder { get; } = Directory.CreateTempSubdirectory("facesearch-models-").FullName;

    /// <summary>Skips the test where there are no models.</summary>
    public TwoModels()
    {
        string real = SharedData.Models;
        File.Copy(Path.Combine(real, "yunet_n_dynamic.onnx"), Path.Combine(Folder, "yunet_n_dynamic.onnx"));
        string first = Path.Combine(Folder, "mobilefacenet_foamliu_128.onnx"), second = Path.Combine(Folder, "shuffled.onnx");
        File.Copy(Path.Combine(real, "mobilefacenet_foamliu_128.onnx"), first);
        byte[] shuffled = Shuffled(File.ReadAllBytes(first));
        File.WriteAllBytes(second, shuffled);
        ModelManifest known = ModelCatalogue.Find(First)!;
        new ModelStore(Folder).Import(second, known with
        {
            Name = Second,
            File = Path.GetFileName(second),
            Bytes = shuffled.Length,
            Sha256 = Convert.ToHexStringLower(SHA256.HashData(shuffled)),
            Source = null,
            Output = "shuffled",
        });
        File.Delete(second);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static byte[] Shuffled(byte[] onnx)
    {
        ModelProto model = ModelProto.Parser.ParseFrom(onnx);
        GraphProto graph = model.Graph;
        string output = graph.Output[0].Name;
        graph.Initializer.Add(new TensorProto
        {
            Name = "order",
            DataType = 7,
            Dims = { 128 },
            RawData = ByteString.CopyFrom([.. Enumerable.Range(0, 128).SelectMany(i => BitConverter.GetBytes((long)((37 * i) + 11) % 128))]),
        });
        NodeProto gather = new() { OpType = "Gather", Name = "shuffle" };
        gather.Input.Add([output, "order"]);
        gather.Output.Add("shuffled");
        gather.Attribute.Add(new AttributeProto { Name = "axis", I = 1, Type = AttributeProto.Types.AttributeType.Int });
        graph.Node.Add(gather);
        graph.Output[0].Name = "shuffled";
        return model.ToByteArray();
    }
}
