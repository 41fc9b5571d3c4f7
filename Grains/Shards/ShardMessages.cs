using FaceSearch.Storage;

namespace FaceSearch.Grains.Shards;

/// <summary>A search of one shard.</summary>
/// <param name="Probe">Embedding of the shard's generation.</param>
/// <param name="Top">Identities wanted.</param>
/// <param name="Filter">Metadata filter; null: none.</param>
/// <param name="DeadlineAt">Not started after this.</param>
/// <param name="DecisionThreshold">Score at which the answer will be a match: lets a graph walk stop once the decision is certain. Null: never.</param>
/// <param name="MinLsn">Whoever answers has every change up to here.</param>
[GenerateSerializer, Immutable, Alias("fs.ShardQuery")]
public sealed record ShardQuery(
    [property: Id(0)] Embedding Probe,
    [property: Id(1)] int Top,
    [property: Id(2)] IReadOnlyDictionary<string, string[]>? Filter,
    [property: Id(3)] DateTimeOffset DeadlineAt,
    [property: Id(4)] float? DecisionThreshold = null,
    [property: Id(5)] long MinLsn = 0);

/// <summary>A shard's best identities, best first.</summary>
/// <param name="Candidates">One row an identity.</param>
/// <param name="ViewVersion">The gallery view the shard knows: a caller with an older one may be missing a shard.</param>
/// <param name="Identities">Identities in the shard, for the FPIR at the gallery's present size.</param>
/// <param name="SearchMicroseconds">Time inside the index.</param>
/// <param name="StoppedEarly">The graph walk ended by early decision.</param>
/// <param name="FromReplica">A read replica gave it.</param>
[GenerateSerializer, Immutable, Alias("fs.ShardAnswer")]
public sealed record ShardAnswer(
    [property: Id(0)] IReadOnlyList<Candidate> Candidates,
    [property: Id(1)] long ViewVersion,
    [property: Id(2)] long Identities,
    [property: Id(3)] double SearchMicroseconds,
    [property: Id(4)] bool StoppedEarly,
    [property: Id(5)] bool FromReplica = false);

/// <summary>Whether a shard is where an identity (or an operation on it) lives.</summary>
[GenerateSerializer, Immutable, Alias("fs.ShardClaim")]
public sealed record ShardClaim([property: Id(0)] bool HasIdentity, [property: Id(1)] bool KnowsOperation, [property: Id(2)] long ViewVersion);

/// <summary>How a commit ended, and the gallery view the shard knows: a caller with an older one looks again before its next change.</summary>
[GenerateSerializer, Immutable, Alias("fs.ShardCommit")]
public sealed record ShardCommit([property: Id(0)] CommitResult Result, [property: Id(1)] long ViewVersion);

/// <summary>Best score of a probe against one identity.</summary>
[GenerateSerializer, Immutable, Alias("fs.IdentityScore")]
public sealed record IdentityScore([property: Id(0)] float Score, [property: Id(1)] TemplateId Template);

/// <summary>A template drawn for calibration, with its owner so that the owner can be left out.</summary>
[GenerateSerializer, Immutable, Alias("fs.CalibrationProbe")]
public sealed record CalibrationProbe([property: Id(0)] string Identity, [property: Id(1)] Embedding Embedding);

/// <summary>Some of a shard's templates with their owners and vectors, row by row.</summary>
/// <param name="Templates">n template ids.</param>
/// <param name="Identities">n owners.</param>
/// <param name="Vectors">[n, <see cref="Embedding.Dimension"/>], row-major.</param>
[GenerateSerializer, Immutable, Alias("fs.ShardExport")]
public sealed record ShardExport([property: Id(0)] long[] Templates, [property: Id(1)] string[] Identities, [property: Id(2)] float[] Vectors);

/// <summary>How an erasure went.</summary>
[GenerateSerializer, Immutable, Alias("fs.ShardErasure")]
public sealed record ShardErasure(
    [property: Id(0)] CommitStatus Status,
    [property: Id(1)] int Templates,
    [property: Id(2)] int SnapshotsRewritten,
    [property: Id(3)] DateTimeOffset At,
    [property: Id(4)] long ViewVersion = 0,
    [property: Id(5)] long Lsn = 0);

/// <summary>An image to retain with a change.</summary>
/// <param name="Template">Index of its template among those the change adds.</param>
/// <param name="Kind">What it shows.</param>
/// <param name="Bytes">The image.</param>
[GenerateSerializer, Immutable, Alias("fs.ImageToRetain")]
public sealed record ImageToRetain([property: Id(0)] int Template, [property: Id(1)] ImageKind Kind, [property: Id(2)] byte[] Bytes)
{
    /// <summary>Never the image.</summary>
    public override string ToString() => $"ImageToRetain({Template}, {Kind})";
}

/// <summary>What a shard's directory knows of an identity.</summary>
[GenerateSerializer, Immutable, Alias("fs.IdentityOutline")]
public sealed record IdentityOutline([property: Id(0)] long Version, [property: Id(1)] IReadOnlyDictionary<string, string> Metadata, [property: Id(2)] long[] Templates);

/// <summary>One gallery shard (key: <see cref="ShardId"/>). Only other grains call it.</summary>
[Alias("fs.IGalleryShardGrain")]
public interface IGalleryShardGrain : IGrainWithStringKey
{
    /// <summary>Applies one change: durable, searchable, its images retained, then acknowledged.</summary>
    [Alias("Commit")] Task<ShardCommit> CommitAsync(IdentityChange change, IReadOnlyList<ImageToRetain>? images = null);

    /// <summary>As <see cref="CommitAsync"/> for changes that remove templates; returns when they are gone from every file.</summary>
    [Alias("Erase")] Task<ShardErasure> EraseAsync(IdentityChange change);

    [Alias("Search")] Task<ShardAnswer> SearchAsync(ShardQuery query, CancellationToken cancellationToken = default);

    /// <summary>Where an identity lives when a gallery has several shards for its bucket.</summary>
    [Alias("Claim")] Task<ShardClaim> ClaimAsync(string identity, string operationId);

    [Alias("Get")] Task<StoredIdentity?> GetIdentityAsync(string identity);

    [Alias("List")] Task<IReadOnlyList<StoredIdentity>> ListIdentitiesAsync(string? after, int limit);

    /// <summary>For each identity what the directory knows of it; null where the shard does not hold it.</summary>
    [Alias("Outlines")] Task<IdentityOutline?[]> GetOutlinesAsync(string[] identities);

    /// <summary>Null if the shard does not hold the identity or it has no templates.</summary>
    [Alias("Score")] Task<IdentityScore?> ScoreAsync(string identity, Embedding probe, long minLsn = 0);

    /// <summary>Of the shard itself; see <see cref="Replicas.IShardReplicaGrain"/> for those beside it.</summary>
    [Alias("Status")] Task<ShardStatus> GetStatusAsync();

    /// <summary>Up to <paramref name="count"/> templates of distinct identities, drawn by <paramref name="seed"/>.</summary>
    [Alias("Sample")] Task<IReadOnlyList<CalibrationProbe>> SampleAsync(int count, int seed);

    /// <summary>For each probe its best score here among identities other than its own; negative infinity where there is none.</summary>
    [Alias("Impostors")] Task<float[]> BestImpostorScoresAsync(IReadOnlyList<CalibrationProbe> probes);

    /// <summary>Up to <paramref name="count"/> template ids greater than <paramref name="after"/>, ascending. Takes time in proportion to the shard.</summary>
    [Alias("Templates")] Task<long[]> ListTemplatesAsync(long after, int count);

    /// <summary>Owners and vectors of those of the templates that the shard still holds.</summary>
    [Alias("Export")] Task<ShardExport> ExportAsync(long[] templates);

    /// <summary>The owner of each template; null where the shard holds it no more, or never did.</summary>
    [Alias("Owners")] Task<string?[]> GetOwnersAsync(long[] templates);

    /// <summary>Tells the shard of a newer gallery view, before that view comes into use.</summary>
    [Alias("View")] Task SetViewVersionAsync(long version);

    /// <summary>Writes a snapshot now, whatever the schedule says.</summary>
    [Alias("Snapshot")] Task SnapshotAsync();

    /// <summary>Closes the log and forgets everything; the gallery is being deleted.</summary>
    [Alias("Drop")] Task DropAsync();
}
