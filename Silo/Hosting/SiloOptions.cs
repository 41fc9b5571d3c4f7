using FaceSearch.Vision;

namespace FaceSearch.Silo.Hosting;

/// <summary>What this process is; configuration section <c>Silo</c> (environment: <c>Silo__DataFolder</c>, command line: <c>--Silo:DataFolder</c>).</summary>
public sealed class SiloOptions
{
    public const string Section = "Silo";

    /// <summary>Where everything is kept: logs, snapshots, grain state, models. Default: <c>facesearch-data</c> in the current folder.</summary>
    public string DataFolder { get; set; } = "facesearch-data";

    /// <summary>Where the models are; default: the environment variable FACESEARCH_MODELS, else <c>models</c> in the data folder.</summary>
    public string? ModelsFolder { get; set; }

    /// <summary>
    /// Where the key is that wraps the keys of retained images; default: <c>crops/master.key</c> in the data folder. Kept on another disk
    /// or in a mounted secret, it makes a copied data folder worthless.
    /// </summary>
    public string? RetentionKeyFile { get; set; }

    /// <summary>Name of the embedder to load; default: the best one that is installed.</summary>
    public string? Embedder { get; set; }

    /// <summary>Execution provider of the networks. CUDA that is demanded and missing stops the start.</summary>
    public ExecutionProvider Provider { get; set; } = ExecutionProvider.Cpu;

    /// <summary>What this process is.</summary>
    public SiloRole Role { get; set; } = SiloRole.All;

    /// <summary>What the cluster is told of this machine: faces are embedded on silos with a GPU where there are any.</summary>
    public SiloHardware Hardware { get; set; } = SiloHardware.Detected;

    /// <summary>Memory for shards, in GiB: a silo with twice as much gets twice as many. Default: what the process may use.</summary>
    public double? MemoryGiB { get; set; }

    /// <summary>How long a stopping process that is no longer ready goes on serving; default: 3 s where a load balancer may stand before it.</summary>
    public TimeSpan? DrainDelay { get; set; }

    /// <summary>Where HTTP is served, unless <c>--urls</c> or ASPNETCORE_URLS says otherwise. Default: port 8080 of loopback; of a silo without the API, 8081.</summary>
    public string? Url { get; set; }

    /// <summary>An admin key to make sure of at start (environment: FACESEARCH_ADMIN_KEY); at least 24 characters.</summary>
    public string? AdminKey { get; set; }

    /// <summary>Port of the silo on loopback; 0: any free one.</summary>
    public int SiloPort { get; set; }

    /// <summary>Port for Orleans clients on loopback; 0: any free one.</summary>
    public int ClientPort { get; set; }

    /// <summary>The address that applies.</summary>
    public string EffectiveUrl => Url ?? (Role == SiloRole.Silo ? "http://127.0.0.1:8081" : "http://127.0.0.1:8080");

    /// <summary>The models folder that applies.</summary>
    public string EffectiveModelsFolder => ModelsFolder ?? Path.Combine(DataFolder, "models");
}
