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
