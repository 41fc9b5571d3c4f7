using FaceSearch.Storage.Logs;
using FaceSearch.Storage.Sqlite;
using Npgsql;

namespace FaceSearch.Storage.Postgres;

/// <summary>
/// Group commit into PostgreSQL. A batch takes two round trips (three with a COPY or with identities that exist already) and a COMMIT. A
/// connection that is lost before the COMMIT was sent wrote nothing and the log goes on; lost while COMMIT is on its way, the outcome is
/// unknown: the log is poisoned, the shard opens it again, and the operation ids tell what was applied.
/// </summary>
internal sealed class PostgresCommitQueue(PostgresDatabase database, LogTables tables, MetaRow opened, TimeProvider time, TimeSpan retention) : CommitQueue(opened)
{
    private readonly RowHasher _hasher = new();
    private LogTransaction? _transaction;

    /// <summary>Forgets events up to an LSN, durably.</summary>
    public Task ClearOutboxAsync(long throughLsn) => EnqueueErrand(async () =>
    {
        _transaction = await LogTransaction.BeginAsync(database, tables, Shard, Epoch, _hasher).ConfigureAwait(false);
        MetaRow head = await _transaction.LockAsync().ConfigureAwait(false);
        long events = await _transaction.FirstAsync(LogTransaction.Command($"SELECT count(*) FROM {tables.Outbox} WHERE lsn <= $1", throughLsn), r => r.GetInt64(0)).ConfigureAwait(false);
        if (events > 0)
        {
            await _transaction.CommitAsync(
                head with { Outbox = head.Outbox - events },
                LogTransaction.Command($"DELETE FROM {tables.Outbox} WHERE lsn <= $1", throughLsn),
                LogTransaction.Command("UPDATE template_logs SET dead_events = true WHERE key = $1", tables.Key)).ConfigureAwait(false);
        }
        await EndAsync().ConfigureAwait(false);
        return true;
    });

    /// <summary>Writes tables that hold dead rows of people or events into new files; waits for readers of the log.</summary>
    public Task ScrubAsync() => EnqueueErrand(async () =>
    {
        _transaction = await LogTransaction.BeginAsync(database, tables, Shard, Epoch, _hasher).ConfigureAwait(false);
        await _transaction.LockAsync().ConfigureAwait(false);
        (bool people, bool events) = await _transaction.FirstAsync(
            LogTransaction.Command("SELECT dead_people, dead_events FROM template_logs WHERE key = $1", tables.Key), r => (r.GetBoolean(0), r.GetBoolean(1))).ConfigureAwait(false);
        if (people)
            await _transaction.RunAsync(Rewrite(tables.Templates, "identity"), Rewrite(tables.Identities, "version")).ConfigureAwait(false);
        if (events)
            await _transaction.RunAsync(Rewrite(tables.Outbox, "kind")).ConfigureAwait(false);
        if (people || events)
        {
            await _transaction.RunAsync(LogTransaction.Command("UPDATE template_logs SET dead_people = false, dead_events = false WHERE key = $1", tables.Key)).ConfigureAwait(false);
            await _transaction.CommitAsync().ConfigureAwait(false);
        }
        await EndAsync().ConfigureAwait(false);
        return true;
    });

    protected override async ValueTask WriteAsync(IReadOnlyList<Change> batch)
    {
        _transaction = await LogTransaction.BeginAsync(database, tables, Shard, Epoch, _hasher).ConfigureAwait(false);
        DateTimeOffset forgetBefore = time.GetUtcNow() - retention;
        (MetaRow head, StagedRows rows) = await PrepareAsync(_transaction, [.. batch.Select(c => c.What)], forgetBefore).ConfigureAwait(false);
        ChangeApplier changes = new(rows);
        changes.Begin(head);
        foreach (Change change in batch)
        {
            try
            {
                change.Result = changes.Apply(change.What);
            }
            catch (LogDamagedException damage) when (!changes.IsWriting)
            {
                change.Refusal = damage;
            }
        }
        if (changes.HasWritten)
        {
            changes.Prune(forgetBefore, 2 * batch.Count);
            await _transaction.CommitAsync(rows, changes.State).ConfigureAwait(false);
            Head = changes.State.Head;
        }
        await EndAsync().ConfigureAwait(false);
    }

    protected override async ValueTask<Exception?> TakeBackAsync(Exception e)
    {
        bool unknown = _transaction is { IsCommitting: true };
        await EndAsync().ConfigureAwait(false);
        Exception translated = PostgresErrors.Translate(Shard, e);
        return !unknown && translated is (StorageFullException or StorageUnavailableException) ? translated : null;
    }

    protected override Exception Translate(Exception e) => PostgresErrors.Translate(Shard, e);

    /// <summary>A deleted log has no tables any more: whether that is so or tables are missing, its row tells.</summary>
    private async Task<(MetaRow Head, StagedRows Rows)> PrepareAsync(LogTransaction transaction, IdentityChange[] changes, DateTimeOffset forgetBefore)
    {
        try
        {
            return await transaction.PrepareAsync(changes, forgetBefore).ConfigureAwait(false);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedTable)
        {
            await EndAsync().ConfigureAwait(false);
            _transaction = await LogTransaction.BeginAsync(database, tables, Shard, Epoch, _hasher).ConfigureAwait(false);
            await _transaction.LockAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static NpgsqlBatchCommand Rewrite(string table, string numberColumn) =>
        LogTransaction.Command("SELECT rewrite_table($1, $2)", table, numberColumn);

    private async ValueTask EndAsync()
    {
        LogTransaction? ended = _transaction;
        _transaction = null;
        if (ended is not null)
            await ended.DisposeAsync().ConfigureAwait(false);
    }
}
