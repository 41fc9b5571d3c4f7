namespace FaceSearch.TrainingJob.Networks;

/// <summary>Groups of layers that the papers treat as one.</summary>
internal static class NetworkUnits
{
    /// <summary>A convolution, batch norm where asked for, and ReLU.</summary>
    public static NetworkNode Rectified(this NetworkBuilder b, NetworkOptions options, string name, NetworkNode x, int channels, int kernel, int stride = 1)
    {
        x = b.Normalised(options, name, x, channels, kernel, stride);
        return b.Add(Part(name, "relu"), new Relu(), x);
    }

    /// <summary>A convolution of twice the channels, batch norm where asked for, and the maximum of the two halves.</summary>
    public static NetworkNode MaxFeatureMap(this NetworkBuilder b, NetworkOptions options, string name, NetworkNode x, int channels, int kernel)
    {
        x = b.Normalised(options, name, x, 2 * channels, kernel, 1);
        return b.Add(Part(name, "mfm"), new MaxOfHalves(), x);
    }

    /// <summary>Local response norm where there is no batch norm.</summary>
    public static NetworkNode ResponseNorm(this NetworkBuilder b, NetworkOptions options, string name, NetworkNode x) =>
        options.BatchNorm ? x : b.Add(name, new LocalResponseNorm(), x);

    /// <summary>A fully connected layer of twice the length and the maximum of the two halves (maxout, p = 2).</summary>
    public static NetworkNode Maxout(this NetworkBuilder b, string name, NetworkNode x, int length)
    {
        x = b.Add(name, new FullyConnected(2 * length), x);
        return b.Add(Part(name, "maxout"), new MaxOfHalves(), x);
    }

    /// <summary>The embedding: a linear layer, then unit length.</summary>
    public static NetworkDefinition Embedding(this NetworkBuilder b, string name, NetworkNode x, int dimension)
    {
        x = b.Add(name, new FullyConnected(dimension), x);
        b.Add("l2", new L2Normalise(), x);
        return b.Build();
    }

    private static NetworkNode Normalised(this NetworkBuilder b, NetworkOptions options, string name, NetworkNode x, int channels, int kernel, int stride)
    {
        x = b.Add(name, new Convolution(channels, kernel, stride, Bias: !options.BatchNorm), x);
        return options.BatchNorm ? b.Add(Part(name, "norm"), new BatchNorm(), x) : x;
    }

    /// <summary>conv1/relu of conv1; inception3a/5x5_relu of inception3a/5x5.</summary>
    private static string Part(string name, string part) => name.Contains('/') ? $"{name}_{part}" : $"{name}/{part}";
}
