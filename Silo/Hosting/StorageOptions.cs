using System.ComponentModel.DataAnnotations;

namespace FaceSearch.Silo.Hosting;

/// <summary>What keeps the data.</summary>
public enum StorageProvider
{
    /// <summary>SQLite and files under the data folder; one process.</summary>
    Embedded,

    /// <summary>A PostgreSQL database; any number of silos.</summary>
    Postgres,

    /// <summary>Azure storage; any number of silos.</summary>
    Azure,
}

/// <summary>Where the data is kept; configuration section <c>Storage</c> (environment: <c>Storage__Provider</c>).</summary>
public sealed class StorageOptions
{
    public const string Section = "Storage";

    public StorageProvider Provider { get; set; } = StorageProvider.Embedded;

    /// <summary>How the store is reached; not for Embedded. Holds a secret: give it by environment or file rather than on the command line.</summary>
    [DataType(DataType.Password)]
    public string? ConnectionString { get; set; }

    /// <summary>Local copies of snapshots, for this silo alone; default: <c>cache</c> in the data folder.</summary>
    public string? CacheFolder { get; set; }
}
