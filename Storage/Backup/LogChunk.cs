using FaceSearch.Storage.Logs;
using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Backup;

/// <summary>
/// Some rows of a log, all of one table. A log comes as its head, identities, tombstones (by the LSN that the template was added at),
/// templates (live ones, by LSN), events, and commits (by LSN).
/// </summary>
internal abstract record LogChunk
{
    /// <summary>Rows in one chunk, at most.</summary>
    public const int MaxRows = 2048;

    public sealed record Head(MetaRow Row) : LogChunk;

    public sealed record Identities(IReadOnlyList<IdentityRow> Rows) : LogChunk;

    public sealed record Tombstones(IReadOnlyList<TombstoneRow> Rows) : LogChunk;

    public sealed record Templates(IReadOnlyList<TemplateRow> Rows) : LogChunk;

    public sealed record Outbox(IReadOnlyList<OutboxRow> Rows) : LogChunk;

    public sealed record Commits(IReadOnlyList<CommitRow> Rows) : LogChunk;

    /// <summary>Adds the rows up.</summary>
    public void AddTo(LogTally tally)
    {
        switch (this)
        {
            case Identities c:
                Each(c.Rows, tally.Add);
                break;
            case Tombstones c:
                Each(c.Rows, tally.Add);
                break;
            case Templates c:
                Each(c.Rows, tally.Add);
                break;
            case Outbox c:
                Each(c.Rows, tally.Add);
                break;
            case Commits c:
                Each(c.Rows, tally.Add);
                break;
        }
    }

    private static void Each<T>(IReadOnlyList<T> rows, Action<T> add)
    {
        foreach (T row in rows)
            add(row);
    }
}

/// <summary>Copies whole logs out of and into a store, row by row, so that the copy has the LSN, the digest and the operation ids of its source.</summary>
internal interface ILogArchive
{
    /// <summary>The logs of one gallery, or (null) all there are.</summary>
    Task<IReadOnlyList<ShardId>> ListAsync(string? gallery, CancellationToken cancellationToken);

    /// <summary>
    /// The rows of one log as of one commit. Its owner is not fenced and goes on writing. Each row has been compared with its checksum; that
    /// none is missing is for the caller to prove (<see cref="LogTally"/>).
    /// </summary>
    IAsyncEnumerable<LogChunk> ExportAsync(ShardId shard, CancellationToken cancellationToken);

    /// <summary>Makes a log of rows; it is there complete and durable when this returns, and not at all when it throws.</summary>
    /// <exception cref="BackupRefusedException">There is such a log.</exception>
    Task ImportAsync(MetaRow head, IAsyncEnumerable<LogChunk> rows, CancellationToken cancellationToken);
}
