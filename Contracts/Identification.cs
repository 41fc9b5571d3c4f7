namespace FaceSearch;

/// <summary>The answer to "who is this?".</summary>
public enum Decision
{
    /// <summary>The first candidate is the person.</summary>
    Match,

    /// <summary>Nobody in the gallery: a stranger.</summary>
    Unknown,

    /// <summary>Two identities are too close to choose between.</summary>
    Ambiguous,
}

/// <summary>One search of one face in one gallery.</summary>
/// <param name="Gallery">Gallery id.</param>
/// <param name="Generation">Model generation of the probe; the gallery's active one.</param>
/// <param name="Probe">The embedding.</param>
/// <param name="Top">Number of identities wanted, 1 to 100.</param>
/// <param name="Threshold">Overrides the gallery's policy.</param>
/// <param name="Margin">Overrides the gallery's margin.</param>
/// <param name="Filter">Only identities whose metadata has, for every key, one of the values.</param>
/// <param name="DeadlineAt">Absolute deadline.</param>
/// <param name="AllowPartial">Accept an answer from some of the shards; otherwise all must answer.</param>
/// <param name="Consistency">Whether replicas that are a little behind may answer.</param>
/// <param name="After">Changes that the answer must see, whoever gives it.</param>
[GenerateSerializer, Immutable, Alias("fs.IdentifyQuery")]
public sealed record IdentifyQuery(
    [property: Id(0)] string Gallery,
    [property: Id(1)] int Generation,
    [property: Id(2)] Embedding Probe,
    [property: Id(3)] int Top,
    [property: Id(4)] ThresholdPolicy? Threshold,
    [property: Id(5)] float? Margin,
    [property: Id(6)] IReadOnlyDictionary<string, string[]>? Filter,
    [property: Id(7)] DateTimeOffset DeadlineAt,
    [property: Id(8)] bool AllowPartial,
    [property: Id(9)] ReadConsistency Consistency = ReadConsistency.Latest,
    [property: Id(10)] IReadOnlyList<ConsistencyToken>? After = null);

/// <summary>One identity of a candidate list, with the example that matched best.</summary>
[GenerateSerializer, Immutable, Alias("fs.Candidate")]
public sealed record Candidate(
    [property: Id(0)] string Identity,
    [property: Id(1)] float Score,
    [property: Id(2)] TemplateId BestTemplate,
    [property: Id(3)] int Generation,
    [property: Id(4)] IReadOnlyDictionary<string, string> Metadata);

/// <summary>The answer to an <see cref="IdentifyQuery"/>.</summary>
/// <param name="Decision">Match, unknown or ambiguous.</param>
/// <param name="Candidates">Best first; one row an identity.</param>
/// <param name="Threshold">The threshold used, its FMR and FPIR and where it came from.</param>
/// <param name="Margin">The margin used.</param>
/// <param name="Model">Embedder name.</param>
/// <param name="Generation">Model generation.</param>
/// <param name="ShardsAnswered">Shards that answered in time.</param>
/// <param name="ShardsTotal">Shards of the gallery.</param>
/// <param name="SearchMicroseconds">The slowest shard's own search time.</param>
/// <param name="StoppedEarly">A shard's graph walk ended because going on could hardly change the decision.</param>
/// <param name="ReplicasAnswered">Shards for which a read replica answered.</param>
[GenerateSerializer, Immutable, Alias("fs.IdentifyOutcome")]
public sealed record IdentifyOutcome(
    [property: Id(0)] Decision Decision,
    [property: Id(1)] IReadOnlyList<Candidate> Candidates,
    [property: Id(2)] ThresholdInForce Threshold,
    [property: Id(3)] float Margin,
    [property: Id(4)] string Model,
    [property: Id(5)] int Generation,
    [property: Id(6)] int ShardsAnswered,
    [property: Id(7)] int ShardsTotal,
    [property: Id(8)] double SearchMicroseconds,
    [property: Id(9)] bool StoppedEarly,
    [property: Id(10)] int ReplicasAnswered = 0);

/// <summary>Fans a search out over a gallery's shards and merges the answers. Stateless worker: the key decides only by which silo an outside client is answered.</summary>
[Alias("fs.IIdentifyGrain")]
public interface IIdentifyGrain : IGrainWithStringKey
{
    /// <exception cref="FaceSearchException">gallery-not-found, generation-mismatch, shard-loading, shard-unavailable, deadline-exceeded.</exception>
    [Alias("Identify")] Task<IdentifyOutcome> IdentifyAsync(IdentifyQuery query, CancellationToken cancellationToken = default);
}
