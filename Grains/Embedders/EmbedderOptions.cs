namespace FaceSearch.Grains.Embedders;

/// <summary>Dynamic batching of the embedder; section <c>Embedder</c>.</summary>
public sealed class EmbedderOptions
{
    /// <summary>Most crops in one run of the network.</summary>
    public int MaxBatch { get; set; } = 16;

    /// <summary>How long the first crop of a batch waits for company. On a CPU a batch gains little, so waiting little is right.</summary>
    public TimeSpan MaxWait { get; set; } = TimeSpan.Zero;

    /// <summary>Crops that may wait; beyond it a call is refused as overloaded.</summary>
    public int MaxQueue { get; set; } = 1024;

    /// <summary>Models kept in memory; beyond it the one that was not used for longest goes.</summary>
    public int MaxModels { get; set; } = 4;

    /// <summary>Batches that run at once. 0: one a processor (each run then uses one thread).</summary>
    public int Concurrency { get; set; }
}
