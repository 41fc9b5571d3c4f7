namespace FaceSearch.ServerBench.Cluster;

/// <summary>What 'cluster' measures.</summary>
/// <param name="Dll">The server's program.</param>
/// <param name="Work">Where PostgreSQL and the silos keep their data meanwhile.</param>
/// <param name="Identities">In the gallery, one template each.</param>
/// <param name="Requests">One at a time, of each kind.</param>
/// <param name="Traced">Requests whose traces are read.</param>
/// <param name="Rate">Requests a second of the open loop, on average.</param>
/// <param name="Seconds">Its length.</param>
/// <param name="Scale">Folder for the open loop's latencies, for bench/ScaleModel; null: not kept.</param>
internal sealed record ClusterSettings(string Dll, DirectoryInfo Work, int Identities, int Requests, int Traced, double Rate, int Seconds, DirectoryInfo? Scale)
{
    public const string Gallery = "people";

    /// <summary>Of the gallery.</summary>
    public const int Shards = 8;

    public const int MostSilos = 3;
}
