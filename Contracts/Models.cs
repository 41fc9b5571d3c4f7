namespace FaceSearch;

/// <summary>Where a model stands in its life.</summary>
public enum ModelStatus
{
    /// <summary>Known, and used by nothing unless a gallery names it.</summary>
    Candidate,

    /// <summary>Embeds a sample of live probes beside the active model; nobody is answered by it.</summary>
    Shadow,

    /// <summary>The model of new galleries, and the one that galleries move to.</summary>
    Active,

    /// <summary>Was active, or was given up; kept for a way back.</summary>
    Retired,
}

/// <summary>A model the system knows: facts, not bytes.</summary>
/// <param name="Name">Unique name; for embedders also the key of <see cref="IEmbedderGrain"/>.</param>
/// <param name="Kind"><c>embedder</c> or <c>detector</c>.</param>
/// <param name="Sha256">Of the ONNX file, lower-case hexadecimal.</param>
/// <param name="Licence">SPDX id or a sentence.</param>
/// <param name="Source">Where it came from.</param>
/// <param name="Status">Candidate, shadow, active or retired.</param>
/// <param name="RegisteredAt">When this system first saw it.</param>
/// <param name="Evaluation">The figures it was last compared on; null if never compared here.</param>
/// <param name="OperatingPoints">The model's general false-match figures, most permissive first: the prior of every threshold.</param>
/// <param name="CompatibleWith">An older model with whose embeddings this one's can be compared; null for none.</param>
/// <param name="Lineage">What it was made from; null for a model that was made elsewhere.</param>
/// <param name="Gallery">The one gallery it was trained for and may become active in; null: it is for all.</param>
[GenerateSerializer, Immutable, Alias("fs.ModelDescription")]
public sealed record ModelDescription(
    [property: Id(0)] string Name,
    [property: Id(1)] string Kind,
    [property: Id(2)] string Sha256,
    [property: Id(3)] string Licence,
    [property: Id(4)] string Source,
    [property: Id(5)] ModelStatus Status,
    [property: Id(6)] DateTimeOffset RegisteredAt,
    [property: Id(10)] ModelEvaluation? Evaluation,
    [property: Id(8)] IReadOnlyList<OperatingPoint> OperatingPoints,
    [property: Id(9)] string? CompatibleWith = null,
    [property: Id(11)] ModelLineage? Lineage = null,
    [property: Id(12)] string? Gallery = null);

/// <summary>A score and the false-match rate of one comparison at it.</summary>
[GenerateSerializer, Immutable, Alias("fs.OperatingPoint")]
public sealed record OperatingPoint([property: Id(0)] double Fmr, [property: Id(1)] float Score);

/// <summary>How a model came about: enough to make it again.</summary>
/// <param name="Parent">The model it began from or learnt from; null for one from scratch.</param>
/// <param name="Run">Training run; null for one made by hand.</param>
/// <param name="Mode">How it was trained.</param>
/// <param name="DataFingerprint">Digest over names and contents of the training images, lower-case hexadecimal.</param>
/// <param name="Identities">People trained on.</param>
/// <param name="Images">Images trained on.</param>
/// <param name="Options">Training options, by name.</param>
/// <param name="Seed">Of every random choice.</param>
/// <param name="CodeVersion">Version and commit of the program that trained it.</param>
/// <param name="TrainedAt">When it was finished.</param>
[GenerateSerializer, Immutable, Alias("fs.ModelLineage")]
public sealed record ModelLineage(
    [property: Id(0)] string? Parent,
    [property: Id(1)] string? Run,
    [property: Id(2)] TrainingKind Mode,
    [property: Id(3)] string DataFingerprint,
    [property: Id(4)] int Identities,
    [property: Id(5)] int Images,
    [property: Id(6)] IReadOnlyDictionary<string, string> Options,
    [property: Id(7)] int Seed,
    [property: Id(8)] string CodeVersion,
    [property: Id(9)] DateTimeOffset TrainedAt);

/// <summary>A figure that two models are compared on; each is a share, greater is better.</summary>
public enum ModelMetric
{
    /// <summary>True accept rate at a false accept rate of 1e-3 (1:1).</summary>
    TarAtFar1E3,

    /// <summary>Share of probes whose own identity is the best of the gallery (1:N, closed set).</summary>
    Rank1,

    /// <summary>True positive identification rate at a false positive identification rate of 1 % (1:N, open set).</summary>
    TpirAtFpir1,

    /// <summary>Of a cohort: share of its people's non-mated searches that accept nobody, where everybody's accept one in a hundred.</summary>
    StrangersRejected,
}

/// <summary>One figure of two models on the same people.</summary>
/// <param name="Metric">Which figure.</param>
/// <param name="Cohort">Value of the cohort key; null for everybody.</param>
/// <param name="People">People it is measured on.</param>
/// <param name="Active">The active model's figure, 0 to 1.</param>
/// <param name="Candidate">The candidate's figure.</param>
/// <param name="Lower">Lower end of the interval of candidate minus active, paired bootstrap over people.</param>
/// <param name="Upper">Upper end.</param>
/// <param name="ActiveLower">Lower end of the active model's own interval.</param>
[GenerateSerializer, Immutable, Alias("fs.ModelComparison")]
public sealed record ModelComparison(
    [property: Id(0)] ModelMetric Metric,
    [property: Id(1)] string? Cohort,
    [property: Id(2)] int People,
    [property: Id(3)] double Active,
    [property: Id(4)] double Candidate,
    [property: Id(5)] double Lower,
    [property: Id(6)] double Upper,
    [property: Id(7)] double ActiveLower);

/// <summary>A candidate against the active model, on people whom neither was trained on by this system.</summary>
/// <param name="Active">Name of the model compared with.</param>
/// <param name="ActiveSha256">Its digest.</param>
/// <param name="CandidateSha256">The candidate's digest.</param>
/// <param name="Data">Where the people came from.</param>
/// <param name="People">People with at least two images: those the figures are measured on.</param>
/// <param name="Images">Images, also of people with one, who are only gallery and impostors.</param>
/// <param name="CohortKey">Metadata key that names the cohorts; null without cohorts.</param>
/// <param name="Comparisons">Every figure.</param>
/// <param name="Unjudged">Cohorts of too few people to be judged.</param>
/// <param name="ActivePoints">The active model's false-match figures on these people.</param>
/// <param name="CandidatePoints">The candidate's: what its thresholds begin from.</param>
/// <param name="At">When.</param>
[GenerateSerializer, Immutable, Alias("fs.ModelEvaluation")]
public sealed record ModelEvaluation(
    [property: Id(0)] string Active,
    [property: Id(1)] string ActiveSha256,
    [property: Id(2)] string CandidateSha256,
    [property: Id(3)] string Data,
    [property: Id(4)] int People,
    [property: Id(5)] int Images,
    [property: Id(6)] string? CohortKey,
    [property: Id(7)] IReadOnlyList<ModelComparison> Comparisons,
    [property: Id(8)] IReadOnlyList<string> Unjudged,
    [property: Id(9)] IReadOnlyList<OperatingPoint> ActivePoints,
    [property: Id(10)] IReadOnlyList<OperatingPoint> CandidatePoints,
    [property: Id(11)] DateTimeOffset At);

/// <summary>One step of a model's life.</summary>
/// <param name="At">When.</param>
/// <param name="Model">Which model.</param>
/// <param name="From">Status before; null when it was registered.</param>
/// <param name="To">Status after; the same as before where a promotion was refused.</param>
/// <param name="By">Who asked: a key's id, a training run, or the server.</param>
/// <param name="Reason">Why, in words: a refusal's grounds, a forced promotion's reason.</param>
/// <param name="Forced">Promoted against or without the evidence.</param>
[GenerateSerializer, Immutable, Alias("fs.ModelStep")]
public sealed record ModelStep(
    [property: Id(0)] DateTimeOffset At,
    [property: Id(1)] string Model,
    [property: Id(2)] ModelStatus? From,
    [property: Id(3)] ModelStatus To,
    [property: Id(4)] string By,
    [property: Id(5)] string Reason,
    [property: Id(6)] bool Forced);

/// <summary>A wish to make a model the active one.</summary>
/// <param name="By">Who asks.</param>
/// <param name="ForceReason">Promotes without regard to the evidence, for this recorded reason; null: only on the evidence.</param>
/// <param name="LeastPeople">Fewest people outside the training set that an evaluation must rest on.</param>
[GenerateSerializer, Immutable, Alias("fs.PromotionWish")]
public sealed record PromotionWish([property: Id(0)] string By, [property: Id(1)] string? ForceReason = null, [property: Id(2)] int LeastPeople = PromotionWish.DefaultLeastPeople)
{
    public const int DefaultLeastPeople = 20;
}

/// <summary>What became of a wish to promote.</summary>
/// <param name="Promoted">True if the model is the active one now.</param>
/// <param name="Reasons">Why, in words with figures.</param>
/// <param name="Model">The model as it is now.</param>
/// <param name="Previous">The model that was active before; null if none was or nothing changed.</param>
[GenerateSerializer, Immutable, Alias("fs.PromotionOutcome")]
public sealed record PromotionOutcome(
    [property: Id(0)] bool Promoted,
    [property: Id(1)] IReadOnlyList<string> Reasons,
    [property: Id(2)] ModelDescription Model,
    [property: Id(3)] string? Previous);

/// <summary>What a shadow model saw of live probes, beside the active one. Counts only.</summary>
/// <param name="Model">The model in shadow.</param>
/// <param name="Active">The active model it is compared with.</param>
/// <param name="Probes">Live probes that both embedded.</param>
/// <param name="Failed">Probes on which the shadow model failed.</param>
/// <param name="Pairs">Pairs of recent probes compared by both, each at its own score for a false-match rate of 1e-3.</param>
/// <param name="BothSame">Pairs that both call one person.</param>
/// <param name="OnlyActive">Pairs that the active model alone calls one person.</param>
/// <param name="OnlyShadow">Pairs that the shadow model alone calls one person.</param>
/// <param name="Correlation">Correlation of the two models' scores over those pairs; null before there are enough.</param>
/// <param name="MeanMilliseconds">Mean time of one embedding by the shadow model, waiting included.</param>
/// <param name="Since">When it began.</param>
[GenerateSerializer, Immutable, Alias("fs.ShadowReport")]
public sealed record ShadowReport(
    [property: Id(0)] string Model,
    [property: Id(1)] string Active,
    [property: Id(2)] long Probes,
    [property: Id(3)] long Failed,
    [property: Id(4)] long Pairs,
    [property: Id(5)] long BothSame,
    [property: Id(6)] long OnlyActive,
    [property: Id(7)] long OnlyShadow,
    [property: Id(8)] double? Correlation,
    [property: Id(9)] double? MeanMilliseconds,
    [property: Id(10)] DateTimeOffset Since);

/// <summary>The singleton registry of models (key <see cref="Key"/>).</summary>
[Alias("fs.IModelRegistryGrain")]
public interface IModelRegistryGrain : IGrainWithStringKey
{
    public const string Key = "models";

    /// <summary>All models, newest first.</summary>
    [Orleans.Concurrency.AlwaysInterleave, Alias("List")] Task<IReadOnlyList<ModelDescription>> ListAsync();

    /// <summary>Null if unknown.</summary>
    [Orleans.Concurrency.AlwaysInterleave, Alias("Find")] Task<ModelDescription?> FindAsync(string name);

    /// <summary>Adds or refreshes a model; a known name with another SHA-256 is refused. The first of a kind becomes active.</summary>
    [Alias("Register")] Task<ModelDescription> RegisterAsync(ModelDescription model);

    /// <summary>
    /// Moves a model between candidate and shadow, or to retired. An embedder becomes active by <see cref="PromoteAsync"/> alone, and
    /// the active one cannot be retired; a detector may become active here. One model at most is in shadow.
    /// </summary>
    /// <exception cref="FaceSearchException">model-not-found; invalid-request for a step that is not offered.</exception>
    [Alias("SetStatus")] Task<ModelDescription> SetStatusAsync(string name, ModelStatus status, string by = "server");

    /// <summary>Keeps the figures of a comparison with the active model; the newest counts.</summary>
    /// <exception cref="FaceSearchException">model-not-found; invalid-request if the figures are of other bytes than the registered ones.</exception>
    [Alias("RecordEvaluation")] Task<ModelDescription> RecordEvaluationAsync(string name, ModelEvaluation evaluation);

    /// <summary>
    /// Makes an embedder the active one if its recorded evaluation against the present active model (a gallery's own model for one
    /// that was trained for a gallery) shows that none of the figures is worse beyond its interval and at least one is better;
    /// otherwise nothing changes and the outcome says why. With it the model's false-match figures become the measured ones, from
    /// which every threshold begins. <c>ModelPublished</c> is kept in the same record as the change and published at least once.
    /// </summary>
    /// <exception cref="FaceSearchException">model-not-found; invalid-request for a model that cannot be promoted at all.</exception>
    [Alias("Promote")] Task<PromotionOutcome> PromoteAsync(string name, PromotionWish wish);

    /// <summary>
    /// Makes the embedder that was active before the present one active again: galleries that still keep the old generation go back
    /// to it at once, for the others it is published.
    /// </summary>
    /// <param name="by">Who asks.</param>
    /// <param name="reason">Why.</param>
    /// <param name="gallery">Of the models of this gallery; null: of those for all.</param>
    /// <exception cref="FaceSearchException">invalid-request if there is none.</exception>
    [Alias("RollBack")] Task<PromotionOutcome> RollBackAsync(string by, string reason, string? gallery = null);

    /// <summary>Steps of a model's life, oldest first; of all models for null.</summary>
    [Orleans.Concurrency.AlwaysInterleave, Alias("History")] Task<IReadOnlyList<ModelStep>> GetHistoryAsync(string? name);

    /// <summary>The active embedder for all galleries; null where none is installed.</summary>
    [Orleans.Concurrency.AlwaysInterleave, Alias("ActiveEmbedder")] Task<ModelDescription?> GetActiveEmbedderAsync();

    /// <summary>Publishes what is still in the outbox; called at every start and by the silo's clock.</summary>
    [Alias("Wake")] Task WakeAsync();
}

/// <summary>The shadow run of a model (key: its name): compares it with the active one on a sample of live probes.</summary>
[Alias("fs.IShadowGrain")]
public interface IShadowGrain : IGrainWithStringKey
{
    /// <summary>One live probe: the active model's embedding and the crop for this model. Never awaited by an answer.</summary>
    [Alias("Observe")] Task ObserveAsync(string active, Embedding embedding, FaceCrop crop);

    /// <summary>What was seen so far.</summary>
    [Orleans.Concurrency.AlwaysInterleave, Alias("Report")] Task<ShadowReport> GetReportAsync();
}

/// <summary>An aligned face: RGB, 8 bits, row by row; only crops travel to grains, never uploads.</summary>
[GenerateSerializer, Immutable, Alias("fs.FaceCrop")]
public sealed record FaceCrop([property: Id(0)] int Size, [property: Id(1)] byte[] Rgb)
{
    /// <summary>Never the pixels.</summary>
    public override string ToString() => $"FaceCrop({Size}x{Size})";
}

/// <summary>Embeds aligned faces. Stateless worker, one a silo, which gathers concurrent calls into batches; the key is the model's name.</summary>
[Alias("fs.IEmbedderGrain")]
public interface IEmbedderGrain : IGrainWithStringKey
{
    /// <summary>One embedding a crop, in order.</summary>
    /// <param name="crops">Faces, aligned for this model.</param>
    /// <param name="deadlineAt">Crops that still wait then are dropped instead of computed; null: none.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="FaceSearchException">model-not-installed; overloaded when the queue is full; deadline-exceeded.</exception>
    [Alias("Embed")] Task<IReadOnlyList<Embedding>> EmbedAsync(IReadOnlyList<FaceCrop> crops, DateTimeOffset? deadlineAt = null, CancellationToken cancellationToken = default);
}
