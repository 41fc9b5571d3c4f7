namespace FaceSearch.Storage;

/// <summary>Opens template logs: the only truth for biometrics, one log a gallery shard.</summary>
public interface ITemplateLogProvider
{
    /// <summary>
    /// Opens (creating it at need) a shard's log for writing and fences every earlier opener: the stored epoch is
    /// compared and set to epoch + 1 in one transaction.
    /// </summary>
    /// <exception cref="LogDamagedException">The stored content contradicts its checksums.</exception>
    /// <exception cref="StorageUnavailableException">The store cannot be reached or read now.</exception>
    ValueTask<ITemplateLog> OpenAsync(ShardId shard, CancellationToken cancellationToken = default);

    /// <summary>Deletes the logs of one gallery (all generations, all shards) for good; idempotent. Open handles are fenced.</summary>
    ValueTask DeleteGalleryAsync(string gallery, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="DeleteGalleryAsync"/> for the logs of one generation of a gallery.</summary>
    ValueTask DeleteGenerationAsync(string gallery, int generation, CancellationToken cancellationToken = default);

    /// <summary>Reads a shard's log beside its writer, whoever that is. Takes no epoch and changes nothing; the log need not exist.</summary>
    ILogFollower Follow(ShardId shard);

    /// <summary>Names the store for people: "SQLite files under /var/lib/facesearch".</summary>
    string Description { get; }
}

/// <summary>
/// Sees what a log's writer has stored: whatever was acknowledged before a call is in its answer. Any number of calls at once. Lets go, when
/// it is disposed, of all that it keeps of the log on this machine.
/// </summary>
public interface ILogFollower : IAsyncDisposable
{
    /// <summary>The head of the log as it is stored now; null if there is no such log.</summary>
    /// <exception cref="LogDamagedException">What is stored contradicts its checksums.</exception>
    /// <exception cref="StorageUnavailableException">The store cannot be reached or read now.</exception>
    ValueTask<LogHead?> PeekAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// As <see cref="ITemplateLog.ReadAsync"/> for somebody who is not the log's writer: gives <paramref name="take"/>, piece by piece and
    /// off the caller's thread, what was committed after an LSN, and returns the head of the view that it was read from. Nothing is proven
    /// before it returns. Null if there is no such log.
    /// </summary>
    /// <exception cref="LogDamagedException">A row contradicts its checksum, or the digest is not that of this log at that LSN.</exception>
    /// <exception cref="StorageUnavailableException">The store cannot be reached or read now.</exception>
    ValueTask<LogHead?> ReadAsync(long afterLsn, ulong digest, Action<IReadOnlyList<LogEntry>> take, CancellationToken cancellationToken = default);
}

/// <summary>
/// One shard's log, held open under one epoch. Concurrent <see cref="CommitAsync"/> calls share a transaction and an
/// fsync (group commit); each completes only when its change is durable. After a failed write or fsync the log is
/// poisoned: every later commit fails until it is opened again.
/// </summary>
public interface ITemplateLog : IAsyncDisposable
{
    ShardId Shard { get; }

    /// <summary>The epoch under which this handle may write.</summary>
    long Epoch { get; }

    /// <summary>Last committed LSN, counts and content digest.</summary>
    LogHead Head { get; }

    /// <summary>
    /// What was found and discarded when the log was opened (a torn tail: bytes after the last complete commit); null if
    /// nothing. The acknowledged prefix was kept.
    /// </summary>
    string? RecoveryNotice { get; }

    /// <summary>
    /// Applies one change atomically and durably, or replays the answer of an operation applied before. Cancellation takes a
    /// change back only while it is queued; once begun it is carried through.
    /// </summary>
    /// <exception cref="ArgumentException">The change contradicts itself or changes nothing (<see cref="ChangeRules"/>).</exception>
    /// <exception cref="EpochFencedException">Another opener owns the shard now.</exception>
    /// <exception cref="LogPoisonedException">An earlier write failed; reopen.</exception>
    /// <exception cref="StorageFullException">The disk is full; nothing was written; later commits may succeed.</exception>
    ValueTask<CommitResult> CommitAsync(IdentityChange change, CancellationToken cancellationToken = default);

    /// <summary>True while the stored epoch is still <see cref="Epoch"/>.</summary>
    ValueTask<bool> IsCurrentAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// The difference between the state at <paramref name="afterLsn"/> and now, in LSN order: what a snapshot taken there
    /// is missing. Reads a consistent view; every row's checksum is verified, and <paramref name="digest"/> must be the
    /// log's digest as it was at <paramref name="afterLsn"/> (0 at LSN 0), so that a snapshot of another history is refused.
    /// That nothing is missing is proven only at the end: serve nothing before the enumeration has ended. A template can come
    /// before the <see cref="LogEntry.IdentityChanged"/> of its identity, which stands at its last change.
    /// </summary>
    /// <exception cref="LogDamagedException">A row contradicts its checksum, or the digest is not that of this log at that LSN.</exception>
    IAsyncEnumerable<LogEntry> ReadAsync(long afterLsn, ulong digest, CancellationToken cancellationToken = default);

    /// <summary>Ids of all templates that were ever removed, oldest first: what a store of their images must not hold any more.</summary>
    ValueTask<IReadOnlyList<TemplateId>> ListRemovedAsync(CancellationToken cancellationToken = default);

    /// <summary>One identity with its templates (oldest first); null if there is none.</summary>
    ValueTask<StoredIdentity?> GetIdentityAsync(string identity, CancellationToken cancellationToken = default);

    /// <summary>Identities with an id greater than <paramref name="after"/> (ordinal), at most <paramref name="limit"/>.</summary>
    ValueTask<IReadOnlyList<StoredIdentity>> ListIdentitiesAsync(string? after, int limit, CancellationToken cancellationToken = default);

    /// <summary>
    /// Completes erasures: after it the bytes of every template removed so far are in no file of the log (free pages
    /// overwritten, write-ahead log truncated).
    /// </summary>
    ValueTask ScrubAsync(CancellationToken cancellationToken = default);

    /// <summary>Unpublished events, oldest first. They were committed in the same record as their change.</summary>
    ValueTask<IReadOnlyList<OutboxEvent>> ReadOutboxAsync(int limit, CancellationToken cancellationToken = default);

    /// <summary>Forgets events that have been handed to the broker.</summary>
    ValueTask ClearOutboxAsync(long throughLsn, CancellationToken cancellationToken = default);

    /// <summary>Reads every row, verifies every checksum and the digest of the whole.</summary>
    /// <exception cref="LogDamagedException">Something does not agree.</exception>
    ValueTask<LogHead> VerifyAsync(CancellationToken cancellationToken = default);
}

/// <summary>Position and fingerprint of a log.</summary>
/// <param name="Lsn">Last committed log sequence number; 0 for an empty log.</param>
/// <param name="Identities">Live identities.</param>
/// <param name="Templates">Live templates.</param>
/// <param name="Digest">
/// Order-free digest of the live rows (a wrapping sum of their 64-bit hashes): it names the content at this LSN, and
/// <see cref="ITemplateLog.VerifyAsync"/> recomputes it from every row.
/// </param>
public readonly record struct LogHead(long Lsn, long Identities, long Templates, ulong Digest);

/// <summary>A change of one identity: everything in it becomes durable and visible together, or not at all.</summary>
[GenerateSerializer, Immutable, Alias("fs.IdentityChange")]
public sealed record IdentityChange
{
    [Id(0)]
    public required string OperationId { get; init; }

    [Id(1)]
    public required string Identity { get; init; }

    /// <summary>Fails with <see cref="CommitStatus.VersionConflict"/> unless the identity has this version (0: does not exist); null: any.</summary>
    [Id(2)]
    public long? ExpectedVersion { get; init; }

    /// <summary>Replaces the metadata; null leaves it.</summary>
    [Id(3)]
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    [Id(4)]
    public IReadOnlyList<TemplateRecord> Add { get; init; } = [];

    [Id(5)]
    public IReadOnlyList<TemplateId> Remove { get; init; } = [];

    /// <summary>Removes the identity with all its templates; a later replay of its earlier operations answers <see cref="CommitStatus.Superseded"/>.</summary>
    [Id(6)]
    public bool Erase { get; init; }

    /// <summary>
    /// A hash of the request's content. The same operation id with another fingerprint is
    /// <see cref="CommitStatus.OperationReused"/>.
    /// </summary>
    [Id(7)]
    public ulong Fingerprint { get; init; }

    [Id(8)]
    public required DateTimeOffset At { get; init; }

    /// <summary>
    /// The change repeats one of another generation's log: what it made of the identity there. It is no news: no event is kept for it.
    /// Null: the log counts itself.
    /// </summary>
    [Id(9)]
    public IdentityStamp? As { get; init; }
}

/// <summary>Version and beginning of an identity in the log that its record is copied from.</summary>
[GenerateSerializer, Immutable, Alias("fs.IdentityStamp")]
public sealed record IdentityStamp([property: Id(0)] long Version, [property: Id(1)] DateTimeOffset CreatedAt);

/// <summary>A template as the log keeps it.</summary>
[GenerateSerializer, Immutable, Alias("fs.TemplateRecord")]
public sealed record TemplateRecord([property: Id(0)] TemplateId Id, [property: Id(1)] Embedding Embedding, [property: Id(2)] TemplateQuality Quality, [property: Id(3)] DateTimeOffset CreatedAt);

/// <summary>How a commit ended.</summary>
public enum CommitStatus
{
    /// <summary>Durable now.</summary>
    Applied,

    /// <summary>The operation had been applied before; the earlier answer is repeated.</summary>
    Replayed,

    /// <summary>The expected version was wrong; nothing was written.</summary>
    VersionConflict,

    /// <summary>The operation id was used for other content; nothing was written.</summary>
    OperationReused,

    /// <summary>The operation was applied before and its identity has been erased since; nothing was written.</summary>
    Superseded,

    /// <summary>A template id exists already; draw another and retry. Nothing was written.</summary>
    TemplateIdTaken,

    /// <summary>Remove, metadata-only change or erase of an identity (or template) that does not exist; nothing was written.</summary>
    NotFound,
}

/// <summary>The answer to a commit.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Lsn">LSN of the change; for Replayed that of the first time; 0 for a refusal.</param>
/// <param name="Version">
/// The identity's version after the change (for Replayed: after the first time); for VersionConflict, NotFound and
/// TemplateIdTaken the present one (0: does not exist); for OperationReused and Superseded 0.
/// </param>
/// <param name="Templates">Ids added (Replayed: the first time's) or, for an erasure, removed.</param>
/// <param name="Current">The identity after the change when <see cref="CommitStatus.Applied"/>; null after an erasure or a refusal.</param>
[GenerateSerializer, Immutable, Alias("fs.CommitResult")]
public sealed record CommitResult(
    [property: Id(0)] CommitStatus Status,
    [property: Id(1)] long Lsn,
    [property: Id(2)] long Version,
    [property: Id(3)] IReadOnlyList<TemplateId> Templates,
    [property: Id(4)] StoredIdentity? Current);

/// <summary>An identity as the log keeps it.</summary>
[GenerateSerializer, Immutable, Alias("fs.StoredIdentity")]
public sealed record StoredIdentity(
    [property: Id(0)] string Id,
    [property: Id(1)] IReadOnlyDictionary<string, string> Metadata,
    [property: Id(2)] long Version,
    [property: Id(3)] DateTimeOffset CreatedAt,
    [property: Id(4)] DateTimeOffset UpdatedAt,
    [property: Id(5)] IReadOnlyList<StoredTemplate> Templates);

/// <summary>A template without its embedding.</summary>
[GenerateSerializer, Immutable, Alias("fs.StoredTemplate")]
public sealed record StoredTemplate([property: Id(0)] TemplateId Id, [property: Id(1)] TemplateQuality Quality, [property: Id(2)] DateTimeOffset CreatedAt);

/// <summary>One step from an older state to the present one.</summary>
public abstract record LogEntry(long Lsn)
{
    /// <summary>A live template added after the asked LSN.</summary>
    public sealed record TemplateAdded(long Lsn, string Identity, TemplateRecord Template) : LogEntry(Lsn);

    /// <summary>A template that is gone; the reader may or may not have seen it.</summary>
    public sealed record TemplateRemoved(long Lsn, TemplateId Template) : LogEntry(Lsn);

    /// <summary>An identity created or changed after the asked LSN, in its present form.</summary>
    public sealed record IdentityChanged(long Lsn, string Identity, IReadOnlyDictionary<string, string> Metadata, long Version) : LogEntry(Lsn);

    /// <summary>An identity that is gone. <see cref="IdentityHash"/> names it without keeping its name.</summary>
    public sealed record IdentityGone(long Lsn, ulong IdentityHash) : LogEntry(Lsn);
}

/// <summary>An event to publish, committed with the change it reports.</summary>
public sealed record OutboxEvent(long Lsn, OutboxKind Kind, string Identity, IReadOnlyList<TemplateId> Templates, DateTimeOffset At);

/// <summary>What an <see cref="OutboxEvent"/> reports.</summary>
public enum OutboxKind
{
    Enrolled,
    Erased,
}
