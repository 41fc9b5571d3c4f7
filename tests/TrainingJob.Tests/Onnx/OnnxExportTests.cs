using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Onnx;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Tests.Onnx;

public sealed class OnnxExportTests
{
    [Theory, InlineData("residual"), InlineData("inception"), InlineData("maps"), InlineData("head")]
    public void Every_layer_computes_the_same_in_Onnx_Runtime_at_any_batch_size(string name)
    {
        using Network network = Parity.Trained(TinyNetworks.Named(name));
        byte[] onnx = OnnxExport.Write(network);
        foreach (int batch in (int[])[1, 5])
        {
            float[] input = Parity.RandomInput(network.Definition.Input, batch);
            Parity.ShouldMatch(Parity.Onnx(onnx, input, network.Definition.Input, batch), Parity.Torch(network, input, batch));
        }
    }

    [Fact]
    public void Parity_would_notice_a_batch_norm_that_was_left_out()
    {
        using Network network = Parity.Trained(TinyNetworks.Named("residual"));
        byte[] onnx = OnnxExport.Write(network);
        network.train();
        float[] input = Parity.RandomInput(network.Definition.Input, 5);
        Should.Throw<ShouldAssertException>(() =>
            Parity.ShouldMatch(Parity.Onnx(onnx, input, network.Definition.Input, 5), Parity.Torch(network, input, 5)));
    }

    [Fact]
    public void Only_a_batch_norm_that_cannot_be_folded_is_left_in_the_file()
    {
        using Network network = Parity.Trained(TinyNetworks.Named("residual"));
        string text = System.Text.Encoding.Latin1.GetString(OnnxExport.Write(network));
        text.ShouldContain("block/sum_norm/BatchNormalization");
        text.ShouldNotContain("stem/norm");
        text.ShouldNotContain("fc/norm");
    }

    [Fact]
    public void An_exported_network_embeds_crops_through_Vision_with_its_manifest()
    {
        string folder = Directory.CreateTempSubdirectory("facesearch-export-").FullName;
        try
        {
            using Network network = Parity.Trained(SquareResidual());
            byte[] onnx = OnnxExport.Write(network);
            ModelManifest manifest = EmbedderManifest.For("tiny-residual", network.Definition, onnx, "MIT");
            File.WriteAllBytes(Path.Combine(folder, manifest.File), onnx);
            File.WriteAllText(Path.Combine(folder, "tiny-residual.json"), manifest.ToJson());

            using var embedder = new OnnxFaceEmbedder(new ModelStore(folder).Find(ModelKind.Embedder, "tiny-residual")!);
            byte[] rgb = new byte[32 * 32 * 3];
            new Random(5).NextBytes(rgb);
            float[] embedding = new float[manifest.Dimension];
            embedder.Embed([new AlignedFace(32, rgb)], embedding);

            float[] planes = new float[rgb.Length];
            for (int i = 0; i < rgb.Length; i++)
                planes[i % 3 * 32 * 32 + i / 3] = rgb[i] / 255f * 2 - 1;
            Parity.ShouldMatch(embedding, Parity.Torch(network, planes, 1));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static NetworkDefinition SquareResidual()
    {
        var b = new NetworkBuilder("square", new FeatureShape(3, 32, 32));
        NetworkNode x = b.Add("conv", new Convolution(8, 3, 2, Bias: false), b.Input);
        x = b.Add("conv/norm", new BatchNorm(), x);
        x = b.Add("conv/prelu", new PRelu(), x);
        x = b.Add("pool", new GlobalAveragePool(), x);
        x = b.Add("fc", new FullyConnected(8), x);
        b.Add("unit", new L2Normalise(), x);
        return b.Build();
    }
}
