using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FaceSearch.Vision;

/// <summary>What a model does.</summary>
public enum ModelKind { Detector, Embedder }

/// <summary>Order of the three colour planes of a model's input.</summary>
public enum ChannelOrder { Rgb, Bgr }

/// <summary>Where a model file came from.</summary>
/// <param name="Repository">Address of the source repository.</param>
/// <param name="Commit">Full commit id.</param>
/// <param name="Path">File path inside the repository.</param>
/// <param name="Url">Where the file is downloaded from.</param>
/// <param name="Bytes">Size of the upstream file.</param>
/// <param name="Sha256">Lower-case hex digest of the upstream file (the installed one differs if its batch dimension was freed).</param>
public sealed record ModelSource(string Repository, string Commit, string Path, Uri Url, long Bytes, string Sha256);

/// <summary>How pixels become a model's input: value = (pixel * Scale - Mean[c]) / Std[c], c in red, green, blue order.</summary>
public sealed record ModelInput
{
    /// <summary>Name of the input tensor (NCHW float32).</summary>
    public required string Name { get; init; }

    /// <summary>Width in pixels; 0 for a detector that takes any size.</summary>
    public required int Width { get; init; }

    /// <summary>Height in pixels; an embedder's input is square.</summary>
    public required int Height { get; init; }

    /// <summary>Order of the colour planes.</summary>
    public ChannelOrder Channels { get; init; } = ChannelOrder.Rgb;

    /// <summary>Factor on 0..255 pixel values.</summary>
    public float Scale { get; init; } = 1f;

    /// <summary>Subtracted after scaling; red, green, blue.</summary>
    public IReadOnlyList<float> Mean { get; init; } = [0, 0, 0];

    /// <summary>Divided by at the end; red, green, blue.</summary>
    public IReadOnlyList<float> Std { get; init; } = [1, 1, 1];
}

/// <summary>An impostor operating point: two strangers reach <paramref name="Score"/> with probability <paramref name="Fmr"/>.</summary>
public sealed record OperatingPoint(double Fmr, float Score);

/// <summary>Describes a model file: everything needed to verify it, feed it and read its output.</summary>
public sealed record ModelManifest
{
    /// <summary>Lower-case name, also the file's base name in a store.</summary>
    public required string Name { get; init; }

    /// <summary>What the model does.</summary>
    public required ModelKind Kind { get; init; }

    /// <summary>File name beside the manifest.</summary>
    public required string File { get; init; }

    /// <summary>Size of <see cref="File"/>.</summary>
    public required long Bytes { get; init; }

    /// <summary>Lower-case hex SHA-256 of <see cref="File"/>.</summary>
    public required string Sha256 { get; init; }

    /// <summary>SPDX identifier, or a short text.</summary>
    public required string Licence { get; init; }

    /// <summary>Where the file came from, if known.</summary>
    public ModelSource? Source { get; init; }

    /// <summary>How to feed the model.</summary>
    public required ModelInput Input { get; init; }

    /// <summary>Output tensor of an embedder.</summary>
    public string? Output { get; init; }

    /// <summary>Embedding dimension; 0 for a detector.</summary>
    public int Dimension { get; init; }

    /// <summary>Embed the crop and its mirror image and sum the two: a better TPIR at twice the embedding cost.</summary>
    public bool MirrorAndSum { get; init; }

    /// <summary>Five landmark positions in the input square (eye, eye, nose, mouth, mouth), or null for a centre crop.</summary>
    public IReadOnlyList<ImagePoint>? AlignmentTemplate { get; init; }

    /// <summary>
    /// Impostor operating points in descending FMR, measured with this manifest's preprocessing: the prior for a
    /// gallery too small to calibrate itself.
    /// </summary>
    public IReadOnlyList<OperatingPoint> ImpostorOperatingPoints { get; init; } = [];

    /// <summary>
    /// Name of an older model with whose embeddings this one's can be compared (FaceNet's harmonic embedding); null for none. Galleries
    /// of that model that keep no images can move to this one.
    /// </summary>
    public string? CompatibleWith { get; init; }

    /// <summary>
    /// 16 hex digits over everything that changes an embedding (upstream digest, preprocessing, template, mirror):
    /// embeddings are comparable exactly when their models' fingerprints are equal.
    /// </summary>
    [JsonIgnore]
    public string Fingerprint
    {
        get
        {
            byte[] identity = JsonSerializer.SerializeToUtf8Bytes(
                new EmbeddingIdentity(Source?.Sha256 ?? Sha256, Input, Output, Dimension, MirrorAndSum, AlignmentTemplate), ManifestJson.Compact);
            return Convert.ToHexStringLower(SHA256.HashData(identity))[..16];
        }
    }

    /// <summary>Reads and validates a manifest; messages name the file and the field.</summary>
    /// <exception cref="ModelException">The manifest is missing, not JSON, or a field is wrong.</exception>
    public static ModelManifest Load(string path) => ManifestJson.Load(path);

    /// <summary>Reads and validates a manifest that came some other way; messages call it <paramref name="name"/>.</summary>
    /// <exception cref="ModelException">It is not JSON, or a field is wrong.</exception>
    public static ModelManifest Parse(ReadOnlySpan<byte> json, string name) => ManifestJson.Parse(json, name);

    /// <summary>The manifest as indented JSON.</summary>
    public string ToJson() => ManifestJson.Write(this);

    private sealed record EmbeddingIdentity(
        string Sha256, ModelInput Input, string? Output, int Dimension, bool MirrorAndSum, IReadOnlyList<ImagePoint>? Template);
}
