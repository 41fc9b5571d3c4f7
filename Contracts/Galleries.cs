namespace FaceSearch;

/// <summary>How a gallery decides where "match" begins. Exactly one of the two is set.</summary>
/// <param name="TargetFpir">
/// Wanted false-positive identification rate: the share of strangers' probes answered <c>match</c>, in (0, 0.5]. The score is
/// calibrated on the gallery's own impostor scores and follows the gallery as it grows.
/// </param>
/// <param name="Score">A fixed score in [-1, 1].</param>
[GenerateSerializer, Immutable, Alias("fs.ThresholdPolicy")]
public sealed record ThresholdPolicy([property: Id(0)] double? TargetFpir = null, [property: Id(1)] float? Score = null)
{
    /// <summary>One stranger in a hundred.</summary>
    public static ThresholdPolicy Default { get; } = new(TargetFpir: 0.01);
}

/// <summary>Which images of enrolled faces a gallery keeps.</summary>
public enum Retention
{
    /// <summary>None: the gallery can neither be a source of training nor be re-embedded, except to a compatible model.</summary>
    None,

    /// <summary>The aligned face, encrypted under a key of its identity.</summary>
    Crop,

    /// <summary>The aligned face and the uploaded file, likewise.</summary>
    Original,
}

/// <summary>What a gallery's owner chooses.</summary>
[GenerateSerializer, Immutable, Alias("fs.GallerySettings")]
public sealed record GallerySettings
{
    /// <summary>Free text for people.</summary>
    [Id(0)] public string? Description { get; init; }

    /// <summary>Name of the embedder; null at creation means the active one. <c>external</c>: callers bring their own embeddings.</summary>
    [Id(1)] public string? Model { get; init; }

    /// <summary>Where "match" begins.</summary>
    [Id(2)] public ThresholdPolicy Threshold { get; init; } = ThresholdPolicy.Default;

    /// <summary>Least lead, in score, of the best identity over a runner-up that passes the threshold too; a smaller lead is <c>ambiguous</c>.</summary>
    [Id(3)] public float Margin { get; init; } = 0.1f;

    /// <summary>Two templates of one identity at or above this score are near-duplicates.</summary>
    [Id(4)] public float NearDuplicateScore { get; init; } = 0.985f;

    /// <summary>Once a shard holds this many templates, new identities go to new shards.</summary>
    [Id(5)] public int MaxTemplatesPerShard { get; init; } = 1_000_000;

    /// <summary>Shards to begin with, and to add whenever they are full; identities are spread over them. Fixed at creation.</summary>
    [Id(6)] public int Shards { get; init; } = 1;

    /// <summary>Which images of enrolled faces are kept. Fixed at creation: it is what the people enrolled were promised.</summary>
    [Id(7)] public Retention Retention { get; init; }

    /// <summary>Follow a published successor of the gallery's model by re-embedding, where retention or compatibility allows it.</summary>
    [Id(8)] public bool AutoUpgrade { get; init; } = true;

    /// <summary>Metadata key whose values are cohorts: a model is not published if it serves one of them worse. Null: none.</summary>
    [Id(9)] public string? CohortKey { get; init; }

    /// <summary>Read replicas of each shard, on other silos, 0 to 3; as many as there are other silos.</summary>
    [Id(10)] public int Replicas { get; init; }
}

/// <summary>How the threshold in force came about.</summary>
/// <param name="Threshold">Score at or above which the best candidate is a match.</param>
/// <param name="Fmr">False-match rate of one comparison at that score.</param>
/// <param name="Fpir">Expected share of strangers answered <c>match</c> at the gallery's present size.</param>
/// <param name="Source"><c>fixed</c>, <c>prior</c> (too few identities: the model's own figures) or <c>calibrated</c>.</param>
/// <param name="Samples">Templates whose impostor scores were used.</param>
/// <param name="CalibratedIdentities">Identities in the gallery when it was calibrated.</param>
/// <param name="CalibratedAt">When.</param>
[GenerateSerializer, Immutable, Alias("fs.ThresholdInForce")]
public sealed record ThresholdInForce(
    [property: Id(0)] float Threshold,
    [property: Id(1)] double Fmr,
    [property: Id(2)] double Fpir,
    [property: Id(3)] string Source,
    [property: Id(4)] int Samples,
    [property: Id(5)] long CalibratedIdentities,
    [property: Id(6)] DateTimeOffset? CalibratedAt);

/// <summary>One shard as it is now.</summary>
/// <param name="Shard">Its number.</param>
/// <param name="State"><c>loading</c>, <c>ready</c> or <c>failed</c>.</param>
/// <param name="Identities">Live identities.</param>
/// <param name="Templates">Live templates.</param>
/// <param name="Epoch">Number of its log's opening.</param>
/// <param name="Lsn">Last committed change.</param>
/// <param name="SnapshotLsn">Last change in its newest snapshot; 0: none.</param>
/// <param name="Engine"><c>exact</c> or <c>graph</c>.</param>
/// <param name="Buckets">Buckets it serves.</param>
/// <param name="Notice">What opening found amiss and dealt with.</param>
/// <param name="RecallMated">Of audited graph searches whose exact best passes the threshold: the share that found it; null before there are any.</param>
/// <param name="RecallAll">The same over all audited graph searches.</param>
/// <param name="SearchesAudited">Live searches replayed exactly since the shard opened.</param>
[GenerateSerializer, Immutable, Alias("fs.ShardStatus")]
public sealed record ShardStatus(
    [property: Id(0)] int Shard,
    [property: Id(1)] string State,
    [property: Id(2)] long Identities,
    [property: Id(3)] long Templates,
    [property: Id(4)] long Epoch,
    [property: Id(5)] long Lsn,
    [property: Id(6)] long SnapshotLsn,
    [property: Id(7)] string Engine,
    [property: Id(8)] int Buckets,
    [property: Id(9)] string? Notice,
    [property: Id(10)] double? RecallMated = null,
    [property: Id(11)] double? RecallAll = null,
    [property: Id(12)] long SearchesAudited = 0);

/// <summary>A gallery as it is now; <c>Impossible</c> says in sentences what its retention rules out, <c>Reembedding</c> is its move to another model while that is under way.</summary>
[GenerateSerializer, Immutable, Alias("fs.GalleryDescription")]
public sealed record GalleryDescription(
    [property: Id(0)] string Id,
    [property: Id(1)] GallerySettings Settings,
    [property: Id(2)] string Model,
    [property: Id(3)] int Generation,
    [property: Id(4)] DateTimeOffset CreatedAt,
    [property: Id(5)] long Identities,
    [property: Id(6)] long Templates,
    [property: Id(7)] ThresholdInForce Threshold,
    [property: Id(8)] IReadOnlyList<ShardStatus> Shards,
    [property: Id(9)] IReadOnlyList<string>? Impossible = null,
    [property: Id(10)] ReembeddingStatus? Reembedding = null);

/// <summary>What a caller must pin before it embeds for a gallery: the model and its generation; and which images it is to send along.</summary>
[GenerateSerializer, Immutable, Alias("fs.GalleryModel")]
public sealed record GalleryModel([property: Id(0)] string Model, [property: Id(1)] int Generation, [property: Id(2)] Retention Retention = Retention.None);

/// <summary>One page of identities, ordered by id (ordinal).</summary>
/// <param name="Items">The identities.</param>
/// <param name="Next">Pass as <c>after</c> for the next page; null at the end.</param>
[GenerateSerializer, Immutable, Alias("fs.IdentityPage")]
public sealed record IdentityPage([property: Id(0)] IReadOnlyList<IdentityDescription> Items, [property: Id(1)] string? Next);

/// <summary>The singleton that knows which galleries exist (key <see cref="Key"/>).</summary>
[Alias("fs.IGalleryDirectoryGrain")]
public interface IGalleryDirectoryGrain : IGrainWithStringKey
{
    public const string Key = "galleries";

    /// <summary>All gallery ids, ordinal order.</summary>
    [Alias("List")] Task<IReadOnlyList<string>> ListAsync();

    /// <summary>Called by a gallery when it is created or deleted; idempotent.</summary>
    [Alias("Record")] Task RecordAsync(string gallery, bool exists);
}

/// <summary>One gallery (key: its id): settings, active model generation, bucket map, threshold.</summary>
[Alias("fs.IGalleryGrain")]
public interface IGalleryGrain : IGrainWithStringKey
{
    /// <exception cref="FaceSearchException">gallery-exists, invalid-request, model-not-found.</exception>
    [Alias("Create")] Task<GalleryDescription> CreateAsync(GallerySettings settings);

    /// <exception cref="FaceSearchException">gallery-not-found.</exception>
    [Orleans.Concurrency.AlwaysInterleave, Alias("Describe")] Task<GalleryDescription> DescribeAsync();

    /// <summary>The model and generation to embed with; cheap.</summary>
    [Orleans.Concurrency.AlwaysInterleave, Alias("Model")] Task<GalleryModel> GetModelAsync();

    /// <summary>Changes description, threshold, margin, near-duplicate score and replicas; the model stays.</summary>
    [Alias("Update")] Task<GalleryDescription> UpdateAsync(GallerySettings settings);

    /// <summary>Erases every template, snapshot and setting of the gallery; idempotent.</summary>
    [ResponseTimeout("00:00:30"), Alias("Delete")] Task DeleteAsync();

    /// <param name="after">Return identities whose id is greater (ordinal); null from the start.</param>
    /// <param name="limit">1 to 1,000.</param>
    [Alias("ListIdentities")] Task<IdentityPage> ListIdentitiesAsync(string? after, int limit);

    /// <summary>Calibrates now, whatever the schedule says.</summary>
    [ResponseTimeout("00:00:30"), Alias("Calibrate")] Task<ThresholdInForce> CalibrateAsync();
}
