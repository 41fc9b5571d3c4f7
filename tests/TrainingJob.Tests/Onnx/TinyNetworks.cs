using FaceSearch.TrainingJob.Networks;

namespace FaceSearch.TrainingJob.Tests.Onnx;

/// <summary>Networks of a few thousand weights that hold every kind of layer between them.</summary>
internal static class TinyNetworks
{
    public static NetworkDefinition Named(string name) => name switch
    {
        "residual" => Residual(),
        "inception" => Inception(),
        "maps" => MaxFeatureMaps(),
        "head" => HeadNetwork.Define(24, 8, 12),
        _ => throw new ArgumentException(name, nameof(name)),
    };

    /// <summary>Convolutions with batch norm, one of them read twice, a norm that cannot be folded, depthwise, global pooling.</summary>
    private static NetworkDefinition Residual()
    {
        var b = new NetworkBuilder("residual", new FeatureShape(3, 17, 17));
        NetworkNode x = b.Add("stem", new Convolution(8, 3, 2, Bias: false), b.Input);
        NetworkNode stem = b.Add("stem/norm", new BatchNorm(), x);
        x = b.Add("stem/relu", new Relu(), stem);
        x = b.Add("block/depthwise", new Convolution(8, 3, Groups: 8, Bias: false), x);
        x = b.Add("block/norm", new BatchNorm(), x);
        x = b.Add("block/prelu", new PRelu(), x);
        x = b.Add("block/sum", new Sum(), x, stem);
        x = b.Add("block/sum_norm", new BatchNorm(), x);
        x = b.Add("pool", new GlobalAveragePool(), x);
        x = b.Add("fc", new FullyConnected(6, Bias: false), x);
        x = b.Add("fc/norm", new BatchNorm(), x);
        b.Add("unit", new L2Normalise(), x);
        return b.Build();
    }

    /// <summary>Every pooling, local response norm, concatenation, a centre crop, a map flattened into a maxout.</summary>
    private static NetworkDefinition Inception()
    {
        var b = new NetworkBuilder("inception", new FeatureShape(3, 20, 20));
        NetworkNode x = b.Add("crop", new CentreCrop(20, 15), b.Input);
        x = b.Add("stem", new Convolution(8, 7, 2, 3), x);
        x = b.Add("stem/relu", new Relu(), x);
        x = b.Add("lrn", new LocalResponseNorm(), x);
        NetworkNode max = b.Add("max", new MaxPool(3, 2, 1), x);
        NetworkNode l2 = b.Add("l2", new L2Pool(3, 2, 1), x);
        NetworkNode mean = b.Add("mean", new AveragePool(3, 2, 1), x);
        x = b.Add("join", new Concatenation(), max, l2, mean);
        x = b.Add("fc1", new FullyConnected(20), x);
        x = b.Add("fc1/maxout", new MaxOfHalves(), x);
        x = b.Add("drop", new Dropout(0.5), x);
        x = b.Add("fc2", new FullyConnected(7), x);
        b.Add("unit", new L2Normalise(), x);
        return b.Build();
    }

    /// <summary>Grey input, max-feature-maps, and a network that ends without normalisation.</summary>
    private static NetworkDefinition MaxFeatureMaps()
    {
        var b = new NetworkBuilder("maps", new FeatureShape(3, 12, 12));
        NetworkNode x = b.Add("grey", new Grey(), b.Input);
        x = b.Add("conv", new Convolution(8, 5), x);
        x = b.Add("conv/mfm", new MaxOfHalves(), x);
        x = b.Add("pool", new MaxPool(2, 2), x);
        b.Add("fc", new FullyConnected(5), x);
        return b.Build();
    }
}
