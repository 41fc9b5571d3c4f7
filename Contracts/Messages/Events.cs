namespace FaceSearch.Messages;

/// <summary>An identity got its first or further templates. Published at least once; consumers are idempotent on <see cref="EventId"/>.</summary>
/// <param name="EventId">Unique for the change; repeated deliveries carry the same value.</param>
/// <param name="Gallery">Gallery id.</param>
/// <param name="Identity">Identity id.</param>
/// <param name="Templates">Ids of the templates that were added (never the embeddings).</param>
/// <param name="Generation">Model generation of those templates.</param>
/// <param name="At">When it was committed.</param>
public sealed record IdentityEnrolled(string EventId, string Gallery, string Identity, IReadOnlyList<string> Templates, int Generation, DateTimeOffset At);

/// <summary>An identity and everything derived from it is gone from every file. Published at least once.</summary>
/// <param name="EventId">Unique for the change; repeated deliveries carry the same value.</param>
/// <param name="Gallery">Gallery id.</param>
/// <param name="Identity">Identity id.</param>
/// <param name="TemplatesErased">How many templates it had.</param>
/// <param name="At">When the erasure was complete.</param>
public sealed record IdentityErased(string EventId, string Gallery, string Identity, int TemplatesErased, DateTimeOffset At);

/// <summary>A model has passed its tests and may be used. Published at least once; galleries that follow its family move to it.</summary>
/// <param name="EventId">Unique for the publication; repeated deliveries carry the same value.</param>
/// <param name="Model">Name of the embedder.</param>
/// <param name="Sha256">Of its ONNX file, lower-case hexadecimal.</param>
/// <param name="Replaces">Name of the model whose galleries it is for: its parent in its family.</param>
/// <param name="Gallery">The one gallery it was trained for; null: every gallery that uses <paramref name="Replaces"/>.</param>
/// <param name="At">When.</param>
public sealed record ModelPublished(string EventId, string Model, string Sha256, string Replaces, string? Gallery, DateTimeOffset At);

/// <summary>A gallery answers with another model from now on: after a switch or a rollback. Published at least once.</summary>
/// <param name="EventId">Unique for the change; repeated deliveries carry the same value.</param>
/// <param name="Gallery">Gallery id.</param>
/// <param name="Model">The model in use now.</param>
/// <param name="Generation">Its generation in this gallery.</param>
/// <param name="Previous">The model it took over from.</param>
/// <param name="At">When.</param>
public sealed record ModelActivated(string EventId, string Gallery, string Model, int Generation, string Previous, DateTimeOffset At);

/// <summary>A gallery's re-embedding has gone on. Published at phase changes and every few seconds in between; a hint, so some may be lost.</summary>
/// <param name="EventId">Unique.</param>
/// <param name="Gallery">Gallery id.</param>
/// <param name="Phase">Name of the phase.</param>
/// <param name="Model">The model it moves to.</param>
/// <param name="Moved">Templates moved.</param>
/// <param name="Total">Templates to move.</param>
/// <param name="At">When.</param>
public sealed record ReembeddingProgressed(string EventId, string Gallery, string Phase, string Model, long Moved, long Total, DateTimeOffset At);

/// <summary>How an <see cref="EnrolFace"/> ended.</summary>
public enum EnrolmentOutcome
{
    /// <summary>Durable and searchable.</summary>
    Enrolled,

    /// <summary>Nothing was enrolled, and the same command would be refused again.</summary>
    Refused,

    /// <summary>Nothing was enrolled: a near-duplicate, or a face that another identity would be answered for.</summary>
    Conflict,
}

/// <summary>The answer to an <see cref="EnrolFace"/>. Published at least once; consumers are idempotent on <see cref="EventId"/>.</summary>
/// <param name="EventId">Unique for the operation in its gallery; repeated deliveries carry the same value.</param>
/// <param name="OperationId">The command's.</param>
/// <param name="Gallery">Gallery id.</param>
/// <param name="Identity">Identity id; null where none was named and nothing was enrolled.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Templates">Ids of the templates that were added (never the embeddings).</param>
/// <param name="Problem">One of <see cref="ProblemTypes"/>; null when enrolled.</param>
/// <param name="Detail">What was wrong, for people; null when enrolled.</param>
/// <param name="Reasons">Codes behind the problem, such as <c>blurred</c> or <c>too-many-pixels</c>.</param>
/// <param name="Conflicts">Ids of the identities that stand against it.</param>
/// <param name="At">When.</param>
public sealed record EnrolmentFinished(
    string EventId,
    string OperationId,
    string Gallery,
    string? Identity,
    EnrolmentOutcome Outcome,
    IReadOnlyList<string> Templates,
    string? Problem,
    string? Detail,
    IReadOnlyList<string> Reasons,
    IReadOnlyList<string> Conflicts,
    DateTimeOffset At);

/// <summary>A training run waits for a worker. Published at least once; consumers are idempotent on <see cref="EventId"/>.</summary>
/// <param name="EventId">Unique for the run; repeated deliveries carry the same value.</param>
/// <param name="Run">Id of the run.</param>
/// <param name="RequestedBy">Who asked: a key's id, or a schedule.</param>
/// <param name="Schedule">Name of the schedule that asked; null if a person did.</param>
/// <param name="At">When it was asked for.</param>
public sealed record TrainingRequested(string EventId, string Run, string RequestedBy, string? Schedule, DateTimeOffset At);

/// <summary>A training run has ended, one way or another. Published at least once; consumers are idempotent on <see cref="EventId"/>.</summary>
/// <param name="EventId">Unique for the run; repeated deliveries carry the same value.</param>
/// <param name="Run">Id of the run.</param>
/// <param name="Result">completed, failed or cancelled.</param>
/// <param name="Model">The candidate that came out of it; null if none did.</param>
/// <param name="Promoted">The candidate is the active model now.</param>
/// <param name="At">When it ended.</param>
public sealed record TrainingFinished(string EventId, string Run, string Result, string? Model, bool Promoted, DateTimeOffset At);
