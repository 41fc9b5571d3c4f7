namespace FaceSearch.TrainingJob.Worker;

/// <summary>Where a worker finds its server and keeps its work.</summary>
public sealed record WorkerOptions
{
    /// <summary>Orleans gateways of the silos, <c>host:port</c>.</summary>
    public required IReadOnlyList<string> Silos { get; init; }

    /// <summary>The HTTP API, for models.</summary>
    public required Uri Server { get; init; }

    /// <summary>An admin key; null for a server of this machine that has no keys.</summary>
    public string? Key { get; init; }

    /// <summary>Where runs are kept, one folder each; a folder that several workers share lets one go on where another was killed.</summary>
    public required string RunsFolder { get; init; }

    /// <summary>Models of this worker; what is missing is fetched from the server.</summary>
    public required string ModelsFolder { get; init; }

    /// <summary>For people.</summary>
    public string Name { get; init; } = $"{Environment.MachineName}-{Environment.ProcessId}";

    /// <summary>How often an idle worker asks for work.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Ends when nothing waits, instead of asking again.</summary>
    public bool Once { get; init; }

    /// <summary>Orleans cluster id, as the silo's.</summary>
    public string ClusterId { get; init; } = "facesearch";

    /// <summary>Orleans service id, as the silo's.</summary>
    public string ServiceId { get; init; } = "facesearch";

    /// <summary>This worker's certificate, where the cluster's ports want one.</summary>
    public ClusterTlsOptions Tls { get; init; } = new();
}
