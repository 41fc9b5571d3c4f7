using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Onnx;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Tests.Onnx;

public sealed class OnnxMergeTests
{
    [Fact]
    public void A_head_appended_to_an_exported_network_computes_the_two_after_one_another()
    {
        using Network network = Parity.Trained(TinyNetworks.Named("residual"));
        using Network head = Parity.Trained(HeadNetwork.Define(6, 4, 10), seed: 11);
        byte[] merged = OnnxMerge.Append(OnnxExport.Write(network), OnnxExport.OutputName, head);
        float[] input = Parity.RandomInput(network.Definition.Input, 3);
        Parity.ShouldMatch(Parity.Onnx(merged, input, network.Definition.Input, 3), Parity.Torch(head, Parity.Torch(network, input, 3), 3));
    }

    [Fact]
    public void A_head_appended_to_MobileFaceNet_computes_the_two_after_one_another()
    {
        byte[] mobile = File.ReadAllBytes(Path.Combine(SharedData.Models, "mobilefacenet_foamliu_128.onnx"));
        using Network head = Parity.Trained(HeadNetwork.Define(128), seed: 11);
        byte[] merged = OnnxMerge.Append(mobile, "output0", head);
        var shape = new FeatureShape(3, 112, 112);
        float[] input = Parity.RandomInput(shape, 2);
        int one = shape.Length;
        float[] old = [.. Parity.Onnx(mobile, input[..one], shape, 1), .. Parity.Onnx(mobile, input[one..], shape, 1)];
        Parity.ShouldMatch(Parity.Onnx(merged, input, shape, 2), Parity.Torch(head, old, 2));
    }

    [Fact]
    public void A_head_that_does_not_fit_is_refused_with_both_lengths()
    {
        using Network network = Parity.Trained(TinyNetworks.Named("residual"));
        byte[] onnx = OnnxExport.Write(network);
        using Network head = Parity.Trained(HeadNetwork.Define(7));
        Should.Throw<ArgumentException>(() => OnnxMerge.Append(onnx, OnnxExport.OutputName, head)).Message.ShouldContain("vectors of 7; the base model's output 'embedding' has 6");
    }

    [Fact]
    public void An_output_or_a_file_that_is_not_there_is_refused_by_name()
    {
        using Network network = Parity.Trained(TinyNetworks.Named("residual"));
        byte[] onnx = OnnxExport.Write(network);
        using Network head = Parity.Trained(HeadNetwork.Define(6));
        Should.Throw<ModelException>(() => OnnxMerge.Append(onnx, "output0", head)).Message.ShouldContain("it has: embedding");
        Should.Throw<ModelException>(() => OnnxMerge.Append([1, 2, 3], "output0", head));
    }
}
