using System.ComponentModel.DataAnnotations;

namespace FaceSearch.Silo.Hosting;

/// <summary>What the silos of a cluster find each other by.</summary>
public enum ClusterProvider
{
    /// <summary>One silo on this machine.</summary>
    Localhost,

    /// <summary>A table in a PostgreSQL database.</summary>
    Postgres,

    /// <summary>A table in Azure storage.</summary>
    Azure,

    /// <summary>A Redis server.</summary>
    Redis,
}

/// <summary>How silos form a cluster; configuration section <c>Cluster</c> (environment: <c>Cluster__Provider</c>).</summary>
public sealed class ClusterOptions
{
    public const string Section = "Cluster";

    public ClusterProvider Provider { get; set; } = ClusterProvider.Localhost;

    /// <summary>How the membership table is reached; default: as the storage.</summary>
    [DataType(DataType.Password)]
    public string? ConnectionString { get; set; }

    /// <summary>Silos of one cluster have one id.</summary>
    public string ClusterId { get; set; } = "facesearch";

    /// <summary>Names the stored grain states; the same for ever.</summary>
    public string ServiceId { get; set; } = "facesearch";

    /// <summary>Address that other silos reach this one at; default: the first address of this host that is not loopback.</summary>
    public string? AdvertisedAddress { get; set; }

    /// <summary>Port for other silos; 0: any free one on Localhost, else 11111.</summary>
    public int SiloPort { get; set; }

    /// <summary>Port for Orleans clients (training workers); 0: any free one on Localhost, else 30000.</summary>
    public int GatewayPort { get; set; }

    /// <summary>How long a silo waits for another's answer to a probe, and about how often it probes. Default 2 s.</summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Probes that a silo must miss before it is suspected. Default 3: a dead silo is out after about 8 s.</summary>
    public int MissedProbes { get; set; } = 3;

    /// <summary>Silos that must suspect another before it is declared dead (fewer where there are not so many). Default 2.</summary>
    public int Votes { get; set; } = 2;

    /// <summary>How often the membership table is read without being told of a change. Default 10 s.</summary>
    public TimeSpan TableRefresh { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How often a silo writes that it is alive; after three of them without, a starting silo takes it for dead. Default 5 s.</summary>
    public TimeSpan IAmAlive { get; set; } = TimeSpan.FromSeconds(5);
}
