namespace FaceSearch.Grains.Galleries;

/// <summary>
/// What every grain of a gallery needs to know of it, as one immutable, versioned object. A newer version is told to all shards
/// before it comes into use, and every shard answers with the version it knows: a caller with an older one looks again, so no
/// search misses a shard.
/// </summary>
/// <param name="Calibration">How scores map to false-match rates; what the threshold is computed from at each search.</param>
[GenerateSerializer, Immutable, Alias("fs.GalleryView")]
public sealed record GalleryView(
    [property: Id(0)] string Gallery,
    [property: Id(1)] long Version,
    [property: Id(2)] GallerySettings Settings,
    [property: Id(3)] string Model,
    [property: Id(4)] int Generation,
    [property: Id(5)] BucketMap Map,
    [property: Id(6)] CalibrationState Calibration,
    [property: Id(7)] OtherGeneration? Other = null)
{
    /// <summary>The gallery as its other generation sees it; null if that has another number.</summary>
    public GalleryView? Of(int generation) => generation == Generation ? this : Other is { } other && other.Generation == generation
        ? this with
        {
            Settings = Settings with { Model = other.Model, Threshold = other.Threshold },
            Model = other.Model,
            Generation = other.Generation,
            Map = other.Map,
            Calibration = other.Calibration,
            Other = null,
        }
        : null;

    /// <summary>The shard's id.</summary>
    public ShardId Shard(int number) => new(Gallery, Generation, number);
}

/// <summary>
/// The generation beside the active one: before a switch the new one that is being filled, after it the old one that can be rolled
/// back to. Every change of the gallery goes to both.
/// </summary>
/// <param name="Generation">Its number.</param>
/// <param name="Model">Its embedder.</param>
/// <param name="Map">Its shards.</param>
/// <param name="Calibration">Its scores.</param>
/// <param name="Threshold">Its policy: a fixed score means another thing in another model.</param>
/// <param name="Compatible">Its embeddings compare with those of the active one.</param>
/// <param name="Answers">It has been active, so a request that pinned it gets its answer.</param>
[GenerateSerializer, Immutable, Alias("fs.OtherGeneration")]
public sealed record OtherGeneration(
    [property: Id(0)] int Generation,
    [property: Id(1)] string Model,
    [property: Id(2)] BucketMap Map,
    [property: Id(3)] CalibrationState Calibration,
    [property: Id(4)] ThresholdPolicy Threshold,
    [property: Id(5)] bool Compatible,
    [property: Id(6)] bool Answers);

/// <summary>
/// Which shards may hold the identities of a bucket. Layers of shards: the first <see cref="LayerWidth"/> shards, then, once one of
/// them is full, as many again, and so on. A bucket has one shard in every layer; new identities go to the newest layer's, an
/// existing identity stays where it is. No data moves, and a lookup asks one shard a layer.
/// </summary>
[GenerateSerializer, Immutable, Alias("fs.BucketMap")]
public sealed record BucketMap([property: Id(0)] int LayerWidth, [property: Id(1)] int Layers)
{
    /// <summary>Shards in all layers.</summary>
    public int ShardCount => LayerWidth * Layers;

    /// <summary>The shards of an identity's bucket, newest layer first.</summary>
    public int[] ShardsOf(string identity)
    {
        int column = Buckets.Of(identity) * LayerWidth / Buckets.Count;
        int[] shards = new int[Layers];
        for (int layer = 0; layer < Layers; layer++)
            shards[Layers - 1 - layer] = (layer * LayerWidth) + column;
        return shards;
    }

    /// <summary>Buckets that a shard serves.</summary>
    public int BucketsOf(int shard)
    {
        int column = shard % LayerWidth, count = 0;
        for (int bucket = 0; bucket < Buckets.Count; bucket++)
            count += bucket * LayerWidth / Buckets.Count == column ? 1 : 0;
        return count;
    }

    /// <summary>The same with one more layer if <paramref name="fullShard"/> is in the newest one.</summary>
    public BucketMap GrownPast(int fullShard) => fullShard / LayerWidth == Layers - 1 ? this with { Layers = Layers + 1 } : this;
}

/// <summary>What other grains ask of a gallery; same key and same grain as <see cref="IGalleryGrain"/>.</summary>
[Alias("fs.IGalleryRoutingGrain")]
public interface IGalleryRoutingGrain : IGrainWithStringKey
{
    /// <summary>The view in force; null if there is no such gallery. Never waits for anything.</summary>
    [Orleans.Concurrency.AlwaysInterleave, Alias("View")]
    Task<GalleryView?> GetViewAsync();

    /// <summary>
    /// The newest version that shards are being told of, in use or not: what a shard that opens now must answer with. Never waits.
    /// </summary>
    [Orleans.Concurrency.AlwaysInterleave, Alias("Version")]
    Task<long> GetAnnouncedVersionAsync();

    /// <summary>A shard has reached its cap; idempotent.</summary>
    [Alias("ShardFull")] Task ShardFullAsync(int generation, int shard);

    /// <summary>A search saw more or fewer identities than the calibration did; recalibrates if that is so.</summary>
    [Orleans.Concurrency.OneWay, Alias("CalibrateIfStale")]
    Task CalibrateIfStaleAsync();
}
