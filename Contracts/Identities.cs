namespace FaceSearch;

/// <summary>Quality of the face a template came from; all null for an embedding that was enrolled ready-made.</summary>
/// <param name="Overall">0 (hopeless) to 1.</param>
/// <param name="Sharpness">Variance of the Laplacian of the aligned grey face; LFW lies between 13 and several hundred.</param>
/// <param name="FaceSize">Shorter side of the face box, in pixels of the original image.</param>
/// <param name="Yaw">Degrees, from the landmarks.</param>
/// <param name="DetectorScore">0 to 1.</param>
[GenerateSerializer, Immutable, Alias("fs.TemplateQuality")]
public sealed record TemplateQuality(
    [property: Id(0)] float? Overall,
    [property: Id(1)] float? Sharpness,
    [property: Id(2)] float? FaceSize,
    [property: Id(3)] float? Yaw,
    [property: Id(4)] float? DetectorScore)
{
    /// <summary>For ready-made embeddings.</summary>
    public static TemplateQuality Unknown { get; } = new(null, null, null, null, null);
}

/// <summary>A template to add.</summary>
/// <param name="Embedding">Of the generation that the command names.</param>
/// <param name="Quality">Of the face.</param>
/// <param name="Crop">The aligned face, for a gallery that retains images; null for a ready-made embedding.</param>
/// <param name="Original">The uploaded file, for a gallery that retains it.</param>
[GenerateSerializer, Immutable, Alias("fs.NewTemplate")]
public sealed record NewTemplate(
    [property: Id(0)] Embedding Embedding,
    [property: Id(1)] TemplateQuality Quality,
    [property: Id(2)] FaceCrop? Crop = null,
    [property: Id(3)] byte[]? Original = null)
{
    /// <summary>Never the face.</summary>
    public override string ToString() => "NewTemplate";
}

/// <summary>A template without its embedding.</summary>
[GenerateSerializer, Immutable, Alias("fs.TemplateDescription")]
public sealed record TemplateDescription(
    [property: Id(0)] TemplateId Id,
    [property: Id(1)] int Generation,
    [property: Id(2)] TemplateQuality Quality,
    [property: Id(3)] DateTimeOffset CreatedAt);

/// <summary>An identity as it is now.</summary>
/// <param name="Id">Identity id.</param>
/// <param name="Metadata">Up to 32 keys of up to 64 characters, values up to 512.</param>
/// <param name="Version">Rises by one with every change.</param>
/// <param name="CreatedAt">First enrolment.</param>
/// <param name="UpdatedAt">Last change.</param>
/// <param name="Templates">Its templates, oldest first.</param>
/// <param name="ConsistencyToken">In the answer to a change: what a read gives to be sure to see it (docs/replicas.md).</param>
[GenerateSerializer, Immutable, Alias("fs.IdentityDescription")]
public sealed record IdentityDescription(
    [property: Id(0)] string Id,
    [property: Id(1)] IReadOnlyDictionary<string, string> Metadata,
    [property: Id(2)] long Version,
    [property: Id(3)] DateTimeOffset CreatedAt,
    [property: Id(4)] DateTimeOffset UpdatedAt,
    [property: Id(5)] IReadOnlyList<TemplateDescription> Templates,
    [property: Id(6)] string? ConsistencyToken = null);

/// <summary>What to do when a new template is a near-duplicate, or looks like another identity.</summary>
public enum ConflictPolicy
{
    /// <summary>Enrol nothing and report the conflicts.</summary>
    Report,

    /// <summary>Enrol all the same, without looking.</summary>
    Allow,
}

/// <summary>Why a template was not simply added.</summary>
public enum ConflictKind
{
    /// <summary>The identity already has (nearly) this template.</summary>
    NearDuplicate,

    /// <summary>Another identity of the gallery would be answered as a match for it.</summary>
    LooksLikeExisting,
}

/// <summary>One conflict of one template.</summary>
[GenerateSerializer, Immutable, Alias("fs.EnrolmentConflict")]
public sealed record EnrolmentConflict(
    [property: Id(0)] int TemplateIndex,
    [property: Id(1)] ConflictKind Kind,
    [property: Id(2)] string Identity,
    [property: Id(3)] TemplateId Template,
    [property: Id(4)] float Score);

/// <summary>Adds templates to an identity (made if it does not exist) and may change its metadata, atomically.</summary>
/// <param name="OperationId">Idempotency key: the same id with the same content is applied once.</param>
/// <param name="Generation">Model generation of the embeddings; must be the gallery's active one.</param>
/// <param name="Templates">1 to 64 templates.</param>
/// <param name="Metadata">Replaces the metadata; null leaves it.</param>
/// <param name="OnConflict">Policy.</param>
/// <param name="ContentHash">
/// Hash of what the caller sent (such as its image files), by which a repetition is recognised: the embedding of one image may
/// differ in its last bits from run to run. Null: the embeddings themselves are hashed.
/// </param>
[GenerateSerializer, Immutable, Alias("fs.EnrolCommand")]
public sealed record EnrolCommand(
    [property: Id(0)] string OperationId,
    [property: Id(1)] int Generation,
    [property: Id(2)] IReadOnlyList<NewTemplate> Templates,
    [property: Id(3)] IReadOnlyDictionary<string, string>? Metadata,
    [property: Id(4)] ConflictPolicy OnConflict,
    [property: Id(5)] ulong? ContentHash = null);

/// <summary>How an enrolment ended.</summary>
public enum EnrolStatus
{
    /// <summary>Durable and searchable.</summary>
    Enrolled,

    /// <summary>This operation had been applied before; nothing changed now.</summary>
    Replayed,

    /// <summary>Nothing was enrolled: see the conflicts.</summary>
    Conflict,
}

/// <summary>The answer to an <see cref="EnrolCommand"/>.</summary>
[GenerateSerializer, Immutable, Alias("fs.EnrolOutcome")]
public sealed record EnrolOutcome(
    [property: Id(0)] EnrolStatus Status,
    [property: Id(1)] string Identity,
    [property: Id(2)] long Version,
    [property: Id(3)] IReadOnlyList<TemplateId> Templates,
    [property: Id(4)] IReadOnlyList<EnrolmentConflict> Conflicts,
    [property: Id(5)] string? ConsistencyToken = null);

/// <summary>Proof of an erasure.</summary>
/// <param name="Identity">Identity id.</param>
/// <param name="TemplatesErased">Templates that are gone from memory, log and snapshots.</param>
/// <param name="SnapshotsRewritten">Snapshots that held one of them and were replaced.</param>
/// <param name="At">When it was complete.</param>
/// <param name="ConsistencyToken">What a read gives to be sure to see the erasure (docs/replicas.md).</param>
[GenerateSerializer, Immutable, Alias("fs.ErasureReceipt")]
public sealed record ErasureReceipt(
    [property: Id(0)] string Identity,
    [property: Id(1)] int TemplatesErased,
    [property: Id(2)] int SnapshotsRewritten,
    [property: Id(3)] DateTimeOffset At,
    [property: Id(4)] string? ConsistencyToken = null);

/// <summary>The answer to a 1:1 comparison with an identity.</summary>
[GenerateSerializer, Immutable, Alias("fs.VerifyOutcome")]
public sealed record VerifyOutcome(
    [property: Id(0)] bool Same,
    [property: Id(1)] float Score,
    [property: Id(2)] float Threshold,
    [property: Id(3)] double Fmr,
    [property: Id(4)] TemplateId BestTemplate);

/// <summary>One person in one gallery (key: <see cref="Ids.IdentityKey"/>). Serialises the changes of that identity.</summary>
[Alias("fs.IIdentityGrain")]
public interface IIdentityGrain : IGrainWithStringKey
{
    [Alias("Enrol")] Task<EnrolOutcome> EnrolAsync(EnrolCommand command, CancellationToken cancellationToken = default);

    /// <exception cref="FaceSearchException">gallery-not-found, identity-not-found.</exception>
    [Alias("Get")] Task<IdentityDescription> GetAsync();

    /// <param name="operationId">Idempotency key.</param>
    /// <param name="metadata">Replaces the metadata.</param>
    /// <param name="expectedVersion">Fails with version-conflict unless this is the version; null: any.</param>
    [Alias("UpdateMetadata")] Task<IdentityDescription> UpdateMetadataAsync(string operationId, IReadOnlyDictionary<string, string> metadata, long? expectedVersion);

    /// <summary>Erases one template for good; removing the last one leaves an identity without templates.</summary>
    [Alias("RemoveTemplate")] Task<ErasureReceipt> RemoveTemplateAsync(string operationId, TemplateId template);

    /// <summary>Erases the identity: invisible at once, gone from every file when this returns. Idempotent by operation id.</summary>
    [Alias("Erase")] Task<ErasureReceipt> EraseAsync(string operationId);

    /// <param name="probe">Embedding of the gallery's active generation.</param>
    /// <param name="generation">That generation.</param>
    /// <param name="fmr">Wanted false-match rate of this one comparison; null: 1e-3.</param>
    /// <param name="after">Changes that the comparison must see; null: none in particular.</param>
    [Alias("Verify")] Task<VerifyOutcome> VerifyAsync(Embedding probe, int generation, double? fmr, IReadOnlyList<ConsistencyToken>? after = null);
}
