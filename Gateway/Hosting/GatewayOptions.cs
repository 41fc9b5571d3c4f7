using System.ComponentModel.DataAnnotations;
using FaceSearch.Vision;

namespace FaceSearch.Gateway;

/// <summary>What the gateway may cost and how it behaves; configuration section <see cref="Section"/>.</summary>
public sealed class GatewayOptions
{
    public const string Section = "Gateway";

    /// <summary>Largest body of a request without images, in bytes. Default 2 MiB.</summary>
    [Range(1 << 10, 1 << 30)]
    public long MaxSmallRequestBytes { get; set; } = 2L << 20;

    /// <summary>Longest line of a bulk stream, in bytes: one image of 16 MiB as base64. Default 24 MiB.</summary>
    [Range(4 << 10, 1 << 30)]
    public int MaxBulkLineBytes { get; set; } = 24 << 20;

    /// <summary>Bulk items with ready embeddings that one stream keeps in flight: enough to fill group commits. Default 512.</summary>
    [Range(1, 16_384)]
    public int BulkInFlight { get; set; } = 512;

    /// <summary>Bulk items with an image that one stream keeps in flight: enough to fill an embedder batch. Default four a processor.</summary>
    [Range(1, 1_024)]
    public int BulkImagesInFlight { get; set; } = 4 * Environment.ProcessorCount;

    /// <summary>Bulk streams served at once; more are answered 429. Default 4.</summary>
    [Range(1, 1_024)]
    public int BulkStreams { get; set; } = 4;

    /// <summary>Requests with an image worked on at once: each holds its upload in memory. Default eight a processor.</summary>
    [Range(1, 4_096)]
    public int ImageRequests { get; set; } = 8 * Environment.ProcessorCount;

    /// <summary>Requests that may wait for one of <see cref="ImageRequests"/>; their bodies are not read meanwhile. Default 64.</summary>
    [Range(0, 65_536)]
    public int ImageRequestQueue { get; set; } = 64;

    /// <summary>All other API requests worked on at once. Default 1,024.</summary>
    [Range(1, 65_536)]
    public int Requests { get; set; } = 1_024;

    /// <summary>Those that may wait. Default 1,024.</summary>
    [Range(0, 65_536)]
    public int RequestQueue { get; set; } = 1_024;

    /// <summary>Largest model that can be uploaded, in bytes. Default 1 GiB.</summary>
    [Range(1 << 10, 8L << 30)]
    public long MaxModelBytes { get; set; } = 1L << 30;

    /// <summary>Live probes a second that a model in shadow looks at, beside the answers. Default 2.</summary>
    [Range(0.0, 1_000.0)]
    public double ShadowProbesPerSecond { get; set; } = 2;

    /// <summary>Requests a second one key (or, without keys, one address) may make; 0: no limit. Default 5,000.</summary>
    [Range(0, 1_000_000)]
    public int RequestsPerSecond { get; set; } = 5_000;

    /// <summary>Most faces of one image that are identified or enrolled; the surest are taken. Default 64.</summary>
    [Range(1, 1_000)]
    public int MaxFaces { get; set; } = 64;

    /// <summary>Longest deadline a caller may ask for, and that of every request without one of its own, from its arrival on: slow uploads count. Default 30 s.</summary>
    public TimeSpan MaxTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the list of keys is trusted before the cluster is asked again. Default 3 s: so long may a revoked key live, and 2 s more while the cluster does not answer.</summary>
    public TimeSpan KeyCache { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Folder of the models; the silo sets it to its own. Default: FACESEARCH_MODELS, else <c>facesearch-data/models</c>.</summary>
    public string ModelsFolder { get; set; } =
        Environment.GetEnvironmentVariable("FACESEARCH_MODELS") is { Length: > 0 } folder ? folder : Path.Combine("facesearch-data", "models");

    /// <summary>Guards of image decoding.</summary>
    public ImageLimits Images { get; set; } = new();

    /// <summary>What is good enough to be enrolled.</summary>
    public QualityPolicy Quality { get; set; } = new();

    /// <summary>How the detector's session runs.</summary>
    public InferenceOptions Inference { get; set; } = new();

    /// <summary>The detector's own settings.</summary>
    public DetectorOptions Detector { get; set; } = new();
}
