namespace FaceSearch.Vision;

/// <summary>What a model does.</summary>
public enum ModelKind { Detector, Embedder }

/// <summary>Order of the three colour planes of a model's input.</summary>
public enum ChannelOrder { Rgb, Bgr }

/// <summary>Where a model file came from.</summary>
/// <param name="Bytes">Size of the upstream file.</param>
/// <param name="Sha256">Lower-case hex digest of the upstream file (the installed one differs if its batch dimension was freed).</param>
public sealed record ModelSource(string Repository, string Commit, string Path, Uri Url, long Bytes, string Sha256);

/// <summary>How pixels become a model's input: value = (pixel * Scale - Mean[c]) / Std[c], c in red, green, blue order.</summary>
public sealed record ModelInput
{
    public required string Name { get; init; }
    public required int Width { get; init; }
    public required int Height { get; init; }
    public ChannelOrder Channels { get; init; } = ChannelOrder.Rgb;
    public float Scale { get; init; } = 1f;
    public IReadOnlyList<float> Mean { get; init; } = [0, 0, 0];
    public IReadOnlyList<float> Std { get; init; } = [1, 1, 1];
}

/// <summary>A model's impostor operating point: two strangers reach <paramref name="Score"/> with probability <paramref name="Fmr"/>.</summary>
public sealed record OperatingPoint(double Fmr, float Score);

/// <summary>Describes a model file: everything needed to verify it, feed it and read its output.</summary>
public sealed record ModelManifest
{
    public required string Name { get; init; }
    public required ModelKind Kind { get; init; }

    /// <summary>File name beside the manifest.</summary>
    public required string File { get; init; }
    public required long Bytes { get; init; }

    /// <summary>Lower-case hex SHA-256 of <see cref="File"/>.</summary>
    public required string Sha256 { get; init; }
    public required string Licence { get; init; }
    public ModelSource? Source { get; init; }
    public required ModelInput Input { get; init; }

    /// <summary>Output tensor of an embedder.</summary>
    public string? Output { get; init; }

    /// <summary>Embedding dimension; 0 for a detector.</summary>
    public int Dimension { get; init; }

    /// <summary>Embed the crop and its mirror image and sum the two (better TPIR at twice the cost).</summary>
    public bool MirrorAndSum { get; init; }

    /// <summary>Five landmark positions in the input square (eye, eye, nose, mouth, mouth), or null for a centre crop.</summary>
    public IReadOnlyList<ImagePoint>? AlignmentTemplate { get; init; }

    /// <summary>Impostor operating points in descending FMR: the prior for a gallery too small to calibrate.</summary>
    public IReadOnlyList<OperatingPoint> ImpostorOperatingPoints { get; init; } = [];

    /// <summary>
    /// 16 hex digits over everything that changes an embedding (upstream digest, preprocessing, template, mirror):
    /// two models with the same fingerprint produce comparable embeddings.
    /// </summary>
    public string Fingerprint => throw new NotImplementedException();

    /// <summary>Reads and validates a manifest; messages name the file and the field.</summary>
    /// <exception cref="ModelException">The manifest is missing, not JSON, or a field is wrong.</exception>
    public static ModelManifest Load(string path) => throw new NotImplementedException();
}

/// <summary>A model, manifest or store is not usable; the message names the file and what to do.</summary>
public sealed class ModelException(string message, Exception? inner = null) : Exception(message, inner);
