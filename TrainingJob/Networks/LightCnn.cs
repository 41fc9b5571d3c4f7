namespace FaceSearch.TrainingJob.Networks;

/// <summary>
/// Light CNN (Wu, He, Sun, Tan, "A Light CNN for Deep Face Representation with Noisy Labels", 2018, tables 2 and 3): the
/// maximum of two feature maps instead of ReLU, on grey 128x128 faces. The published embedding of 256 numbers is followed
/// by a linear projection to ours; the classifier they were trained with is left out, as the loss here is on triplets.
/// </summary>
public static class LightCnn
{
    private const int Features = 256;

    /// <summary>The paper's share of features dropped before its classifier.</summary>
    private const double Dropped = 0.7;

    /// <summary>Nine layers, 5.5M parameters.</summary>
    public static NetworkDefinition Nine(NetworkOptions options) => Define("lightcnn9", [0, 0, 0, 0], options);

    /// <summary>29 layers, ten residual blocks of two among them, 12.6M parameters.</summary>
    public static NetworkDefinition TwentyNine(NetworkOptions options) => Define("lightcnn29", [1, 2, 3, 4], options);

    /// <param name="name">Of the network.</param>
    /// <param name="residuals">Residual blocks before each of the four pairs of convolutions.</param>
    /// <param name="options">Dimension and batch norm.</param>
    private static NetworkDefinition Define(string name, int[] residuals, NetworkOptions options)
    {
        var b = new NetworkBuilder(name, new FeatureShape(3, 128, 128));
        NetworkNode x = b.Add("grey", new Grey(), b.Input);
        x = b.MaxFeatureMap(options, "conv1", x, 48, 5);
        x = b.Add("pool1", new MaxPool(2, 2), x);
        int[] channels = [96, 192, 128, 128];
        for (int stage = 0; stage < 4; stage++)
        {
            for (int r = 0; r < residuals[stage]; r++)
                x = Residual(b, $"residual{stage + 2}{(char)('a' + r)}", x, options);
            x = b.MaxFeatureMap(options, $"conv{stage + 2}a", x, x.Shape.Channels, 1);
            x = b.MaxFeatureMap(options, $"conv{stage + 2}", x, channels[stage], 3);
            // The third and fourth stage share one resolution.
            if (stage != 2)
                x = b.Add($"pool{(stage == 3 ? 4 : stage + 2)}", new MaxPool(2, 2), x);
        }
        x = b.Maxout("fc1", x, Features);
        x = b.Add("dropout", new Dropout(Dropped), x);
        return b.Embedding("fc2", x, options.Dimension);
    }

    private static NetworkNode Residual(NetworkBuilder b, string name, NetworkNode x, NetworkOptions options)
    {
        int channels = x.Shape.Channels;
        NetworkNode y = b.MaxFeatureMap(options, $"{name}/first", x, channels, 3);
        y = b.MaxFeatureMap(options, $"{name}/second", y, channels, 3);
        return b.Add($"{name}/sum", new Sum(), y, x);
    }
}
