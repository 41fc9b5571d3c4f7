namespace FaceSearch;

/// <summary>Where a re-embedding is. The first six follow one another; the rest are ends.</summary>
public enum ReembeddingPhase
{
    /// <summary>Checks, then the new generation's shards beside the present ones. From its end every change goes to both.</summary>
    Preparing,

    /// <summary>Every enrolled face is embedded anew, page by page.</summary>
    Backfilling,

    /// <summary>Both generations are compared identity by identity until they hold the same templates.</summary>
    CatchingUp,

    /// <summary>Counts, self-match and sample agreement; the threshold is calibrated for the new model at the same FPIR.</summary>
    Verifying,

    /// <summary>The new generation answers; the old one is kept, written to, and can be rolled back to.</summary>
    Active,

    /// <summary>The generation that is no longer wanted is being erased.</summary>
    Retiring,

    /// <summary>Finished: only the new generation is left.</summary>
    Done,

    /// <summary>Too much failed, or the new generation did not prove itself: nothing changed. <see cref="ReembeddingStatus.Reason"/> says why.</summary>
    Refused,

    /// <summary>The gallery went back to its old generation.</summary>
    RolledBack,

    /// <summary>Ended by command before the switch.</summary>
    Cancelled,
}

/// <summary>Asks for a gallery to be moved to another model.</summary>
/// <param name="Model">Name of the new embedder; it must be registered and installed.</param>
/// <param name="MaxMissingShare">Share of templates, 0 to 1, that may be missing in the new generation; more is refused. Null: 0.01.</param>
/// <param name="KeepFor">How long the old generation is kept after the switch for a rollback. Null: seven days.</param>
/// <param name="EventId">The <c>ModelPublished</c> that asks; the same event starts one re-embedding. Null: a person asks.</param>
[GenerateSerializer, Immutable, Alias("fs.ReembeddingRequest")]
public sealed record ReembeddingRequest(
    [property: Id(0)] string Model,
    [property: Id(1)] double? MaxMissingShare = null,
    [property: Id(2)] TimeSpan? KeepFor = null,
    [property: Id(3)] string? EventId = null);

/// <summary>What the verification before the switch found.</summary>
/// <param name="Identities">Identities in the new generation.</param>
/// <param name="Templates">Templates in it.</param>
/// <param name="SelfMatch">Of sampled templates, the share whose own identity is the best answer of the new generation.</param>
/// <param name="Agreement">Of sampled templates, the share for which both generations name the same identity first.</param>
/// <param name="Sampled">Templates sampled.</param>
/// <param name="OldThreshold">Score at which a match began with the old model.</param>
/// <param name="NewThreshold">Score at which it begins with the new one.</param>
/// <param name="Fpir">Expected share of strangers answered <c>match</c> at either.</param>
[GenerateSerializer, Immutable, Alias("fs.ReembeddingVerification")]
public sealed record ReembeddingVerification(
    [property: Id(0)] long Identities,
    [property: Id(1)] long Templates,
    [property: Id(2)] double SelfMatch,
    [property: Id(3)] double Agreement,
    [property: Id(4)] int Sampled,
    [property: Id(5)] float OldThreshold,
    [property: Id(6)] float NewThreshold,
    [property: Id(7)] double Fpir);

/// <summary>A re-embedding as it is now.</summary>
/// <param name="Gallery">Gallery id.</param>
/// <param name="Phase">Where it is.</param>
/// <param name="OldModel">Model it started from.</param>
/// <param name="OldGeneration">Its generation.</param>
/// <param name="NewModel">Model it moves to.</param>
/// <param name="NewGeneration">Its generation; 0 before it is made.</param>
/// <param name="Compatible">The new model's vectors compare with the old one's, so templates without an image keep theirs.</param>
/// <param name="Total">Templates to move.</param>
/// <param name="Moved">Templates in the new generation.</param>
/// <param name="Copied">Of these, those that kept their old vector.</param>
/// <param name="WithoutImage">Templates that have no retained image and cannot keep their vector: to be enrolled again.</param>
/// <param name="Failed">Templates whose retained image could not be embedded.</param>
/// <param name="FacesPerSecond">Of the backfill, lately; null outside it.</param>
/// <param name="RemainingSeconds">Estimate for the backfill; null outside it.</param>
/// <param name="Throttle">Share of its time, 0 to 1, that the backfill rests for the sake of live identification.</param>
/// <param name="Reason">Why it was refused, or what it is waiting for.</param>
/// <param name="Verification">Present from Active on.</param>
/// <param name="StartedAt">When.</param>
/// <param name="ChangedAt">When it entered its phase.</param>
/// <param name="RetireAt">When the old generation will be erased; null unless it is kept.</param>
[GenerateSerializer, Immutable, Alias("fs.ReembeddingStatus")]
public sealed record ReembeddingStatus(
    [property: Id(0)] string Gallery,
    [property: Id(1)] ReembeddingPhase Phase,
    [property: Id(2)] string OldModel,
    [property: Id(3)] int OldGeneration,
    [property: Id(4)] string NewModel,
    [property: Id(5)] int NewGeneration,
    [property: Id(6)] bool Compatible,
    [property: Id(7)] long Total,
    [property: Id(8)] long Moved,
    [property: Id(9)] long Copied,
    [property: Id(10)] long WithoutImage,
    [property: Id(11)] long Failed,
    [property: Id(12)] double? FacesPerSecond,
    [property: Id(13)] double? RemainingSeconds,
    [property: Id(14)] double Throttle,
    [property: Id(15)] string? Reason,
    [property: Id(16)] ReembeddingVerification? Verification,
    [property: Id(17)] DateTimeOffset StartedAt,
    [property: Id(18)] DateTimeOffset ChangedAt,
    [property: Id(19)] DateTimeOffset? RetireAt);

/// <summary>A template that the new generation lacks.</summary>
/// <param name="Identity">Its person.</param>
/// <param name="Template">Its id.</param>
/// <param name="Why"><c>without-image</c> or <c>failed</c>.</param>
[GenerateSerializer, Immutable, Alias("fs.MissingTemplate")]
public sealed record MissingTemplate([property: Id(0)] string Identity, [property: Id(1)] TemplateId Template, [property: Id(2)] string Why);

/// <summary>One page of templates to enrol again, by identity.</summary>
/// <param name="Items">The templates.</param>
/// <param name="Next">Pass as <c>after</c> for the next page; null at the end.</param>
[GenerateSerializer, Immutable, Alias("fs.MissingTemplatePage")]
public sealed record MissingTemplatePage([property: Id(0)] IReadOnlyList<MissingTemplate> Items, [property: Id(1)] string? Next);

/// <summary>Moves one gallery (the key) from its model to another while it keeps answering. docs/reembedding.md explains it.</summary>
[Alias("fs.IReembeddingGrain")]
public interface IReembeddingGrain : IGrainWithStringKey
{
    /// <summary>Starts and returns at once; the same request again returns the one that runs.</summary>
    /// <exception cref="FaceSearchException">
    /// gallery-not-found, model-not-found, model-not-installed, reembedding-running, reembedding-impossible.
    /// </exception>
    [Alias("Start")] Task<ReembeddingStatus> StartAsync(ReembeddingRequest request);

    /// <summary>
    /// A model was published that replaces the model <paramref name="replaces"/>: starts if this gallery
    /// uses that model, has not opted out and can be re-embedded. Idempotent by event; returns whether one runs for it now.
    /// </summary>
    [Alias("Offer")] Task<bool> OfferAsync(string eventId, string model, string replaces);

    /// <summary>The present or last one; null if there was none.</summary>
    [Orleans.Concurrency.AlwaysInterleave, Alias("Get")] Task<ReembeddingStatus?> GetAsync();

    /// <summary>Goes on where a stopped process left it; idempotent and cheap.</summary>
    [Alias("Resume")] Task ResumeAsync();

    /// <summary>Ends it before the switch and erases the new generation; idempotent.</summary>
    /// <exception cref="FaceSearchException">reembedding-not-found; reembedding-running when the switch has happened (then roll back).</exception>
    [Alias("Cancel")] Task<ReembeddingStatus> CancelAsync();

    /// <summary>Back to the old generation, at once.</summary>
    /// <exception cref="FaceSearchException">reembedding-not-found unless the old generation is kept.</exception>
    [Alias("Rollback")] Task<ReembeddingStatus> RollbackAsync();

    /// <summary>Erases the old generation now.</summary>
    /// <exception cref="FaceSearchException">reembedding-not-found unless it is kept.</exception>
    [Alias("Retire")] Task<ReembeddingStatus> RetireAsync();

    /// <summary>Templates that the other generation lacks, so that their people can be enrolled again.</summary>
    /// <param name="after">Identity id to go on after; null from the start.</param>
    /// <param name="limit">Identities looked at, 1 to 1,000.</param>
    [Alias("Missing")] Task<MissingTemplatePage> ListMissingAsync(string? after, int limit);
}

/// <summary>A retained face: for training and re-embedding only.</summary>
/// <param name="Identity">Its person.</param>
/// <param name="Template">Its template.</param>
/// <param name="Crop">The aligned face.</param>
/// <param name="AlignedFor">The model that it was aligned for: its manifest says where eyes, nose and mouth are.</param>
[GenerateSerializer, Immutable, Alias("fs.RetainedFace")]
public sealed record RetainedFace(
    [property: Id(0)] string Identity, [property: Id(1)] TemplateId Template, [property: Id(2)] FaceCrop Crop, [property: Id(3)] string AlignedFor);

/// <summary>Retained faces of some identities, ordered by identity id.</summary>
/// <param name="Faces">The faces.</param>
/// <param name="Metadata">Metadata of the identities on the page, for cohorts.</param>
/// <param name="Next">Pass as <c>after</c> for the next page; null at the end.</param>
[GenerateSerializer, Immutable, Alias("fs.RetainedFacePage")]
public sealed record RetainedFacePage(
    [property: Id(0)] IReadOnlyList<RetainedFace> Faces,
    [property: Id(1)] IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> Metadata,
    [property: Id(2)] string? Next);

/// <summary>
/// The retained faces of one gallery (the key), for a TrainingJob. Reachable by Orleans clients of the cluster only: no HTTP operation
/// gives an image away.
/// </summary>
[Alias("fs.IRetainedFacesGrain")]
public interface IRetainedFacesGrain : IGrainWithStringKey
{
    /// <param name="after">Identity id to go on after; null from the start.</param>
    /// <param name="identities">Identities a page, 1 to 100.</param>
    /// <exception cref="FaceSearchException">gallery-not-found; retention-none where the gallery keeps no images.</exception>
    [Alias("Read")] Task<RetainedFacePage> ReadAsync(string? after, int identities, CancellationToken cancellationToken = default);
}
