namespace FaceSearch.TrainingJob.Networks;

/// <summary>What a network's definition depends on beside its name.</summary>
public sealed record NetworkOptions
{
    /// <summary>Exactly the published layers, without batch norm: what the papers' tables count.</summary>
    public static readonly NetworkOptions AsPublished = new() { BatchNorm = false };

    /// <summary>Length of the embedding. FaceNet: 128 was the best of 64 to 512.</summary>
    public int Dimension { get; init; } = 128;

    /// <summary>
    /// Put batch norm behind every convolution; it takes the place of local response normalisation and of the bias, and
    /// vanishes on export. None of these papers used it, but without it small runs hardly get off the ground.
    /// </summary>
    public bool BatchNorm { get; init; } = true;
}

/// <summary>A network that can be trained by name.</summary>
/// <param name="Name">Lower-case name.</param>
/// <param name="Description">One line for a list.</param>
/// <param name="Define">Its layers.</param>
public sealed record CatalogueNetwork(string Name, string Description, Func<NetworkOptions, NetworkDefinition> Define)
{
    /// <summary>Side of the square thumbnail it takes, in pixels.</summary>
    public int Side => Define(new NetworkOptions()).Input.Height;
}

/// <summary>
/// Networks of FaceNet (Schroff, Kalenichenko, Philbin, 2015) and Light CNN (Wu, He, Sun, Tan, 2018), and our own small
/// ones. All take a square RGB thumbnail and put out a unit vector.
/// </summary>
public static class NetworkCatalogue
{
    /// <summary>Every network, the largest of its family first.</summary>
    public static IReadOnlyList<CatalogueNetwork> Networks { get; } =
    [
        new("nn1", "FaceNet NN1: Zeiler & Fergus with 1x1 convolutions", ZeilerFergusNetwork.Nn1),
        new("nn2", "FaceNet NN2: Inception", FaceNetInception.Nn2),
        new("nn3", "FaceNet NN3: NN2 at 160x160", FaceNetInception.Nn3),
        new("nn4", "FaceNet NN4: NN2 at 96x96, no 5x5 in the higher layers", FaceNetInception.Nn4),
        new("nns1", "FaceNet NNS1: mini Inception (our design)", FaceNetInception.Nns1),
        new("nns2", "FaceNet NNS2: tiny Inception (our design)", FaceNetInception.Nns2),
        new("lightcnn29", "Light CNN-29: residual max-feature-maps", LightCnn.TwentyNine),
        new("lightcnn9", "Light CNN-9: max-feature-maps", LightCnn.Nine),
        new("mobile", "our dense residual network for 112x112 crops: quick to train on a CPU", MobileFace.Define),
    ];

    /// <summary>The network of that name.</summary>
    /// <exception cref="ArgumentException">There is none; the message lists those there are.</exception>
    public static CatalogueNetwork Find(string name) =>
        Networks.FirstOrDefault(n => n.Name == name)
        ?? throw new ArgumentException($"There is no network '{name}'; there are: {string.Join(", ", Networks.Select(n => n.Name))}.", nameof(name));
}
