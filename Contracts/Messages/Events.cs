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
