using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Tests.Onnx;
using TorchSharp;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Tests.Networks;

public sealed class NetworkTests
{
    [Fact]
    public void The_same_seed_gives_the_same_weights_and_another_gives_others()
    {
        using var first = new Network(TinyNetworks.Named("residual"), seed: 5);
        manual_seed(99);
        using var again = new Network(TinyNetworks.Named("residual"), seed: 5);
        using var other = new Network(TinyNetworks.Named("residual"), seed: 6);
        Weights(again).ShouldBe(Weights(first));
        Weights(other).ShouldNotBe(Weights(first));
    }

    [Theory, InlineData("residual"), InlineData("inception"), InlineData("maps"), InlineData("head")]
    public void Every_layer_passes_gradients_to_every_weight(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        using var network = new Network(TinyNetworks.Named(name));
        network.train();
        FeatureShape shape = network.Definition.Input;
        long[] dims = shape.IsVector ? [4, shape.Channels] : [4, shape.Channels, shape.Height, shape.Width];
        Tensor output = network.call(tensor(Parity.RandomInput(shape, 4), dims));
        output.matmul(arange(1, output.shape[1] + 1, ScalarType.Float32).sin().unsqueeze(1)).square().sum().backward();
        foreach ((string parameter, TorchSharp.Modules.Parameter value) in network.named_parameters())
        {
            Tensor gradient = value.grad.ShouldNotBeNull(parameter);
            gradient.isfinite().all().item<bool>().ShouldBeTrue(parameter);
            // A bias in front of a batch norm has no effect; there is none of that kind in these networks.
            gradient.abs().max().item<float>().ShouldBeGreaterThan(0, parameter);
        }
    }

    [Fact]
    public void The_count_of_parameters_is_what_Torch_counts()
    {
        foreach (string name in (string[])["residual", "inception", "maps", "head"])
        {
            using var network = new Network(TinyNetworks.Named(name));
            NetworkSummary.Of(network.Definition).Parameters.ShouldBe(network.parameters().Sum(p => p.numel()), name);
        }
    }

    [Fact]
    public void Only_the_output_outlives_a_forward_pass()
    {
        using var network = new Network(TinyNetworks.Named("inception"));
        network.eval();
        using DisposeScope scope = NewDisposeScope();
        using IDisposable _ = no_grad();
        Tensor input = tensor(Parity.RandomInput(network.Definition.Input, 2), [2, 3, 20, 20]);
        int before = scope.DisposablesCount;
        network.call(input);
        scope.DisposablesCount.ShouldBe(before + 1);
    }

    [Fact]
    public void A_layer_that_does_not_fit_is_refused_with_its_name_and_the_shape_it_got()
    {
        var b = new NetworkBuilder("broken", new FeatureShape(3, 8, 8));
        Should.Throw<ArgumentException>(() => b.Add("conv", new Convolution(8, 11, Padding: 0), b.Input)).Message.ShouldContain("layer 'conv'");
        Should.Throw<ArgumentException>(() => b.Add("unit", new L2Normalise(), b.Input)).Message.ShouldContain("8x8x3");
        b.Add("pool", new GlobalAveragePool(), b.Input);
        b.Add("other", new GlobalAveragePool(), b.Input);
        Should.Throw<InvalidOperationException>(b.Build).Message.ShouldContain("'pool'");
    }

    [Fact]
    public void The_catalogue_prints_every_network_with_its_totals()
    {
        var writer = new StringWriter();
        NetworkSummary.WriteCatalogue(writer, NetworkOptions.AsPublished);
        string[] lines = writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Length.ShouldBe(NetworkCatalogue.Networks.Count + 1);
        lines.Single(l => l.StartsWith("nn2 ", StringComparison.Ordinal)).ShouldContain("7.46M");
        lines.Single(l => l.StartsWith("nn2 ", StringComparison.Ordinal)).ShouldContain("1.60G");
        Should.Throw<ArgumentException>(() => NetworkCatalogue.Find("nn9")).Message.ShouldContain("nn4");
    }

    private static float[] Weights(Network network) => [.. network.parameters().SelectMany(p => p.data<float>().ToArray())];
}
