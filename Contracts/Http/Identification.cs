using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>Asks who an image's faces, or an embedding, are. The same names serve as query parameters and multipart fields.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record IdentifyRequest
{
    /// <summary>An image file, base64. Exactly one of image and embedding.</summary>
    public byte[]? Image { get; init; }

    /// <summary>128 numbers, or base64 of 512 bytes (little-endian float32), of unit length.</summary>
    public Embedding? Embedding { get; init; }

    /// <summary>
    /// Model generation that the embedding is of, as the gallery's description names it. Default 1: a ready embedding is of the model
    /// that the gallery was created with, unless it says otherwise, so that a move to another model never mixes the two.
    /// </summary>
    public int? Generation { get; init; }

    /// <summary>Identities wanted, 1 to 100. Default 5.</summary>
    public int? Top { get; init; }

    /// <summary>Overrides the gallery's policy: exactly one of <c>targetFpir</c> and <c>score</c>.</summary>
    public ThresholdPolicy? Threshold { get; init; }

    /// <summary>Overrides the gallery's margin, 0 to 1.</summary>
    public float? Margin { get; init; }

    /// <summary>Only identities whose metadata has, for every key, one of the values.</summary>
    public IReadOnlyDictionary<string, string[]>? Filter { get; init; }

    /// <summary>Default: all.</summary>
    public FacePolicy? Faces { get; init; }

    /// <summary>Accept an answer from some of the shards. Default false: "nobody" from a partial search is a wrong answer.</summary>
    public bool? AllowPartial { get; init; }

    /// <summary>Deadline for the whole request in milliseconds, 1 to 30,000. Default 2,000 (10,000 with an image).</summary>
    public int? TimeoutMs { get; init; }

    /// <summary>
    /// <c>latest</c> (the default): the answer sees every change that was acknowledged, to anybody, before the request. <c>bounded</c>: it may
    /// come from a read replica that is up to some seconds behind, but it sees the changes that <c>consistencyToken</c> names.
    /// </summary>
    public ReadConsistency? Consistency { get; init; }

    /// <summary>Tokens from the answers to writes, up to 64 with commas between them: the answer sees those writes.</summary>
    public string? ConsistencyToken { get; init; }
}

/// <summary>The answer for one face.</summary>
/// <param name="Face">The face; null for an embedding.</param>
/// <param name="Decision">Match, unknown or ambiguous.</param>
/// <param name="Candidates">Best first, one row an identity.</param>
/// <param name="Threshold">The threshold used, its FMR and FPIR, and where it came from.</param>
/// <param name="Margin">The margin used.</param>
public sealed record FaceResult(Face? Face, Decision Decision, IReadOnlyList<Candidate> Candidates, ThresholdInForce Threshold, float Margin);

/// <summary>Where the time went, in milliseconds.</summary>
/// <param name="AnalyseMs">Decode, detect and align.</param>
/// <param name="EmbedMs">Embedding, with its wait for a batch.</param>
/// <param name="SearchMs">Identification of all faces, as the gateway saw it.</param>
/// <param name="IndexMs">The slowest shard's own search time.</param>
/// <param name="TotalMs">The whole request.</param>
public sealed record IdentifyTimings(double AnalyseMs, double EmbedMs, double SearchMs, double IndexMs, double TotalMs);

/// <summary>The answer to an <see cref="IdentifyRequest"/>.</summary>
/// <param name="Results">One a face, surest face first.</param>
/// <param name="Model">Embedder name.</param>
/// <param name="Generation">Model generation of the gallery.</param>
/// <param name="ShardsAnswered">The fewest shards that answered for a face.</param>
/// <param name="ShardsTotal">Shards of the gallery.</param>
/// <param name="OperatingPoints">The model's general false-match figures: the score at each FMR, most permissive first.</param>
/// <param name="Warnings">Sentences.</param>
/// <param name="Timings">Where the time went.</param>
/// <param name="Width">Width of the image the boxes refer to; null for an embedding.</param>
/// <param name="Height">Its height.</param>
/// <param name="StoppedEarly">A graph walk ended early because going on could hardly change a decision.</param>
/// <param name="ReplicasAnswered">The most shards for which a read replica answered, for a face.</param>
public sealed record IdentifyResponse(
    IReadOnlyList<FaceResult> Results,
    string Model,
    int Generation,
    int ShardsAnswered,
    int ShardsTotal,
    IReadOnlyList<OperatingPoint> OperatingPoints,
    IReadOnlyList<string> Warnings,
    IdentifyTimings Timings,
    int? Width = null,
    int? Height = null,
    bool StoppedEarly = false,
    int ReplicasAnswered = 0);
