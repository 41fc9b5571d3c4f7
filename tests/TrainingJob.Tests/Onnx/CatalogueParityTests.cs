using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Onnx;

namespace FaceSearch.TrainingJob.Tests.Onnx;

/// <summary>Every network of the catalogue, one at a time: the largest takes more than two gigabytes.</summary>
public sealed class CatalogueParityTests
{
    public static TheoryData<string> Networks => [.. NetworkCatalogue.Networks.Select(n => n.Name)];

    [Theory, MemberData(nameof(Networks)), Trait("Category", "Slow")]
    public void An_exported_network_computes_what_Torch_computes(string name)
    {
        Compare(NetworkCatalogue.Find(name).Define(new NetworkOptions()));
        GC.Collect();
    }

    [Theory, InlineData("nn4"), InlineData("nns2"), InlineData("lightcnn9"), Trait("Category", "Slow")]
    public void So_does_one_exactly_as_published(string name) => Compare(NetworkCatalogue.Find(name).Define(NetworkOptions.AsPublished));

    [Fact]
    public void The_smallest_of_FaceNets_networks_computes_what_Torch_computes() => Compare(NetworkCatalogue.Find("nns2").Define(new NetworkOptions()));

    private static void Compare(NetworkDefinition definition)
    {
        using Network network = Parity.Trained(definition);
        float[] input = Parity.RandomInput(definition.Input, 2);
        float[] expected = Parity.Torch(network, input, 2);
        expected.ShouldAllBe(v => float.IsFinite(v));
        expected.Take(definition.Output.Length).Sum(v => v * v).ShouldBe(1, 1e-4);
        Parity.ShouldMatch(Parity.Onnx(OnnxExport.Write(network), input, definition.Input, 2), expected);
    }
}
