namespace FaceSearch.TrainingJob.Networks;

/// <summary>
/// FaceNet's Inception networks. NN2, NN3 and NN4 follow the paper (table 2 and section 3.3). For NNS1 and NNS2 it gives
/// input size, parameters and multiply-adds only; how these designs reach them is told in docs/networks.md.
/// </summary>
public static class FaceNetInception
{
    private enum Pool { Max, L2 }

    /// <summary>
    /// One row of the paper's table: channels of the 1x1 branch, of the 3x3 and 5x5 branches with their reductions, the
    /// pooling and its projection. 0 is a branch that is not there; a pooling without projection is passed on as it is.
    /// </summary>
    private readonly record struct Module(string Name, int One, int Reduce3, int Three, int Reduce5, int Five, Pool Pool, int Projection, int Stride = 1)
    {
        public Module WithoutFive => this with { Reduce5 = 0, Five = 0 };
    }

    /// <summary>First convolution, the reduction and convolution of "inception (2)", and the modules.</summary>
    private sealed record Design(int First, int Reduce2, int Second, Module[] Modules);

    private static readonly Design Full = new(64, 64, 192,
    [
        new("3a", 64, 96, 128, 16, 32, Pool.Max, 32),
        new("3b", 64, 96, 128, 32, 64, Pool.L2, 64),
        new("3c", 0, 128, 256, 32, 64, Pool.Max, 0, Stride: 2),
        new("4a", 256, 96, 192, 32, 64, Pool.L2, 128),
        new("4b", 224, 112, 224, 32, 64, Pool.L2, 128),
        new("4c", 192, 128, 256, 32, 64, Pool.L2, 128),
        new("4d", 160, 144, 288, 32, 64, Pool.L2, 128),
        new("4e", 0, 160, 256, 64, 128, Pool.Max, 0, Stride: 2),
        new("5a", 384, 192, 384, 48, 128, Pool.L2, 128),
        new("5b", 384, 192, 384, 48, 128, Pool.Max, 128),
    ]);

    /// <summary>About 7/16 of NN2's channels.</summary>
    private static readonly Design Mini = new(24, 24, 88,
    [
        new("3a", 32, 40, 56, 8, 16, Pool.Max, 16),
        new("3b", 32, 40, 56, 16, 32, Pool.L2, 32),
        new("3c", 0, 56, 112, 16, 32, Pool.Max, 0, Stride: 2),
        new("4a", 112, 40, 80, 16, 32, Pool.L2, 56),
        new("4b", 96, 48, 96, 16, 32, Pool.L2, 56),
        new("4c", 80, 56, 112, 16, 32, Pool.L2, 56),
        new("4d", 72, 64, 128, 16, 32, Pool.L2, 56),
        new("4e", 0, 72, 112, 32, 56, Pool.Max, 0, Stride: 2),
        new("5a", 168, 80, 168, 24, 56, Pool.L2, 56),
        new("5b", 168, 80, 168, 24, 56, Pool.Max, 56),
    ]);

    /// <summary>About 5/32 of NN4's channels, one module fewer.</summary>
    private static readonly Design Tiny = new(8, 8, 24,
    [
        new("3a", 8, 16, 24, 8, 8, Pool.Max, 8),
        new("3b", 8, 16, 24, 8, 8, Pool.L2, 8),
        new("3c", 0, 24, 40, 8, 8, Pool.Max, 0, Stride: 2),
        new("4a", 40, 16, 32, 8, 8, Pool.L2, 16),
        new("4b", 32, 16, 32, 8, 8, Pool.L2, 16),
        new("4c", 24, 24, 32, 8, 8, Pool.L2, 16),
        new("4d", 0, 24, 40, 0, 0, Pool.Max, 0, Stride: 2),
        new("5a", 64, 32, 64, 0, 0, Pool.L2, 24),
        new("5b", 64, 32, 64, 0, 0, Pool.Max, 24),
    ]);

    /// <summary>224x224, 7.5M parameters, 1.6G multiply-adds.</summary>
    public static NetworkDefinition Nn2(NetworkOptions options) => Averaged("nn2", 224, Full, options);

    /// <summary>NN2 at 160x160.</summary>
    public static NetworkDefinition Nn3(NetworkOptions options) => Averaged("nn3", 160, Full, options);

    /// <summary>NN2 at 96x96 without the 5x5 convolutions of 4e, 5a and 5b: 6.6M parameters, 285M multiply-adds.</summary>
    public static NetworkDefinition Nn4(NetworkOptions options) =>
        Averaged("nn4", 96, Full with { Modules = [.. Full.Modules.Select(m => m.Name is "4e" or "5a" or "5b" ? m.WithoutFive : m)] }, options);

    /// <summary>165x165, 26M parameters, 220M multiply-adds.</summary>
    public static NetworkDefinition Nns1(NetworkOptions options)
    {
        var b = new NetworkBuilder("nns1", new FeatureShape(3, 165, 165));
        return Connected(b, b.Input, Mini, 760, options);
    }

    /// <summary>140x116 (the middle of a 140x140 thumbnail), 4.3M parameters, 20M multiply-adds.</summary>
    public static NetworkDefinition Nns2(NetworkOptions options)
    {
        var b = new NetworkBuilder("nns2", new FeatureShape(3, 140, 140));
        return Connected(b, b.Add("crop", new CentreCrop(140, 116), b.Input), Tiny, 668, options);
    }

    /// <summary>Ends with the mean of every channel, as NN2 does.</summary>
    private static NetworkDefinition Averaged(string name, int side, Design design, NetworkOptions options)
    {
        var b = new NetworkBuilder(name, new FeatureShape(3, side, side));
        NetworkNode x = Trunk(b, b.Input, design, options);
        x = b.Add("pool5", new GlobalAveragePool(), x);
        return b.Embedding("fc", x, options.Dimension);
    }

    /// <summary>Ends with a fully connected maxout layer over the whole map, as NN1 does.</summary>
    private static NetworkDefinition Connected(NetworkBuilder b, NetworkNode x, Design design, int length, NetworkOptions options)
    {
        x = Trunk(b, x, design, options);
        x = b.Maxout("fc1", x, length);
        return b.Embedding("fc2", x, options.Dimension);
    }

    private static NetworkNode Trunk(NetworkBuilder b, NetworkNode x, Design design, NetworkOptions options)
    {
        x = b.Rectified(options, "conv1", x, design.First, 7, stride: 2);
        x = b.Add("pool1", new MaxPool(3, 2, 1), x);
        x = b.ResponseNorm(options, "rnorm1", x);
        x = b.Rectified(options, "inception2/3x3_reduce", x, design.Reduce2, 1);
        x = b.Rectified(options, "inception2/3x3", x, design.Second, 3);
        x = b.ResponseNorm(options, "rnorm2", x);
        x = b.Add("pool2", new MaxPool(3, 2, 1), x);
        foreach (Module module in design.Modules)
            x = Inception(b, x, module, options);
        return x;
    }

    private static NetworkNode Inception(NetworkBuilder b, NetworkNode x, Module m, NetworkOptions options)
    {
        string name = "inception" + m.Name;
        List<NetworkNode> branches = [];
        if (m.One > 0)
            branches.Add(b.Rectified(options, $"{name}/1x1", x, m.One, 1));
        NetworkNode reduced = b.Rectified(options, $"{name}/3x3_reduce", x, m.Reduce3, 1);
        branches.Add(b.Rectified(options, $"{name}/3x3", reduced, m.Three, 3, m.Stride));
        if (m.Five > 0)
        {
            reduced = b.Rectified(options, $"{name}/5x5_reduce", x, m.Reduce5, 1);
            branches.Add(b.Rectified(options, $"{name}/5x5", reduced, m.Five, 5, m.Stride));
        }
        NetworkNode pooled = b.Add($"{name}/pool", m.Pool == Pool.Max ? new MaxPool(3, m.Stride, 1) : new L2Pool(3, m.Stride, 1), x);
        branches.Add(m.Projection > 0 ? b.Rectified(options, $"{name}/pool_projection", pooled, m.Projection, 1) : pooled);
        return b.Add($"{name}/join", new Concatenation(), branches);
    }
}
