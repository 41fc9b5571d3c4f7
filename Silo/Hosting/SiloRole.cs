namespace FaceSearch.Silo.Hosting;

/// <summary>What a process is.</summary>
public enum SiloRole
{
    /// <summary>Holds data and serves the HTTP API.</summary>
    All,

    /// <summary>Holds data; serves health and metrics only.</summary>
    Silo,

    /// <summary>Serves the HTTP API and holds nothing: detection happens here, everything else in the silos that it finds.</summary>
    Gateway,
}

/// <summary>What the networks of a process run on, as the cluster sees it.</summary>
public enum SiloHardware
{
    /// <summary>A GPU if that is the execution provider.</summary>
    Detected,

    Cpu,
    Gpu,
}
