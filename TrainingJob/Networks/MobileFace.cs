namespace FaceSearch.TrainingJob.Networks;

/// <summary>
/// Our small network for 112x112 crops: a residual network of dense 3x3 convolutions. MobileFaceNet and its kind save
/// multiply-adds by depthwise convolutions, which are bound by memory: on a CPU they train several times slower than
/// dense ones of the same accuracy. The first layer goes straight to a quarter of the resolution, where most of
/// the work of a thin network would otherwise be spent; the head keeps the place of every feature (a face is aligned),
/// where a global mean would lose it.
/// </summary>
public static class MobileFace
{
    /// <summary>2.3M parameters, 0.3B multiply-adds; 9.4 MB as ONNX.</summary>
    public static NetworkDefinition Define(NetworkOptions options)
    {
        var b = new NetworkBuilder("mobile", new FeatureShape(3, 112, 112));
        NetworkNode x = b.Rectified(options, "stem", b.Input, 64, 7, 4);
        x = Residual(b, options, "stage1a", x, 64);
        x = b.Rectified(options, "stage2", x, 128, 3, 2);
        for (int i = 0; i < 3; i++)
            x = Residual(b, options, $"stage2{(char)('a' + i)}", x, 128);
        x = b.Rectified(options, "stage3", x, 192, 3, 2);
        x = Residual(b, options, "stage3a", x, 192);
        x = b.Rectified(options, "squeeze", x, 64, 1);
        x = b.Add("embedding", new FullyConnected(options.Dimension, Bias: false), x);
        x = b.Add("embedding/norm", new BatchNorm(), x);
        b.Add("l2", new L2Normalise(), x);
        return b.Build();
    }

    /// <summary>Two convolutions beside the identity (He et al., 2016), the second without its own rectifier.</summary>
    private static NetworkNode Residual(NetworkBuilder b, NetworkOptions options, string name, NetworkNode x, int channels)
    {
        NetworkNode y = b.Rectified(options, $"{name}/first", x, channels, 3);
        y = b.Add($"{name}/second", new Convolution(channels, 3, Bias: !options.BatchNorm), y);
        if (options.BatchNorm)
            y = b.Add($"{name}/second_norm", new BatchNorm(), y);
        y = b.Add($"{name}/sum", new Sum(), y, x);
        return b.Add($"{name}/relu", new Relu(), y);
    }
}
