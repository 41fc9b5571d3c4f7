namespace FaceSearch.TrainingJob.Networks;

/// <summary>A small network from one embedding to another, trained on top of a frozen embedder.</summary>
public static class HeadNetwork
{
    /// <summary>
    /// Unit length, a hidden layer (fully connected, batch norm, PReLU), the embedding, unit length. The hidden layer is
    /// what lets it bend the space; without one it is a linear map.
    /// </summary>
    /// <param name="length">Dimension of the frozen embedder's output, which need not be normalised.</param>
    /// <param name="dimension">Dimension of the new embedding.</param>
    /// <param name="hidden">Width of the hidden layer; 0 for none.</param>
    public static NetworkDefinition Define(int length, int dimension = 128, int hidden = 256)
    {
        var b = new NetworkBuilder("head", FeatureShape.Vector(length));
        NetworkNode x = b.Add("unit", new L2Normalise(), b.Input);
        if (hidden > 0)
        {
            x = b.Add("hidden/weights", new FullyConnected(hidden, Bias: false), x);
            x = b.Add("hidden/norm", new BatchNorm(), x);
            x = b.Add("hidden/prelu", new PRelu(), x);
        }
        x = b.Add("embedding/weights", new FullyConnected(dimension), x);
        b.Add("embedding/unit", new L2Normalise(), x);
        return b.Build();
    }
}
