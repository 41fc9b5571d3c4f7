using System.Runtime.CompilerServices;
using FaceSearch.Storage.Sqlite;
using Npgsql;

namespace FaceSearch.Storage.Postgres;

/// <summary>A shard's log in tables of its own in one PostgreSQL database.</summary>
internal sealed class PostgresTemplateLog(PostgresDatabase database, LogTables tables, MetaRow opened, PostgresCommitQueue writer) : ITemplateLog
{
    private const int ChunkLength = 1024;
    private int _disposed;

    public ShardId Shard => opened.Shard;

    public long Epoch => opened.Epoch;

    public LogHead Head => writer.Head;

    /// <summary>Always null: the server recovers before anybody can connect, and keeps every commit that it had confirmed.</summary>
    public string? RecoveryNotice => null;

    public ValueTask<CommitResult> CommitAsync(IdentityChange change, CancellationToken cancellationToken = default)
    {
        ChangeRules.Check(change);
        return new(writer.CommitAsync(change, cancellationToken));
    }

    public async ValueTask<bool> IsCurrentAsync(CancellationToken cancellationToken = default)
    {
        if (writer.IsFenced)
            return false;
        return await GuardAsync(async () =>
        {
            await using NpgsqlCommand command = database.Source.CreateCommand("SELECT epoch FROM template_logs WHERE key = $1");
            command.Parameters.Add(new() { Value = tables.Key });
            return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is long epoch && epoch == Epoch;
        }).ConfigureAwait(false);
    }

    public async IAsyncEnumerable<LogEntry> ReadAsync(long afterLsn, ulong digest, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        LogView view = await GuardAsync(() => LogView.OpenAsync(database, tables, Shard, cancellationToken)).ConfigureAwait(false);
        try
        {
            PostgresDiff diff = await GuardAsync(() => PostgresDiff.BeginAsync(view, afterLsn, digest, cancellationToken)).ConfigureAwait(false);
            while (await GuardAsync(() => diff.NextAsync(ChunkLength, cancellationToken)).ConfigureAwait(false) is { Count: > 0 } chunk)
            {
                foreach (LogEntry entry in chunk)
                    yield return entry;
            }
        }
        finally
        {
            await view.DisposeAsync().ConfigureAwait(false);
        }
    }

    public async ValueTask<IReadOnlyList<TemplateId>> ListRemovedAsync(CancellationToken cancellationToken = default) =>
        await ViewAsync(view => view.ListAsync($"{tables.SelectTombstones} ORDER BY lsn", r => new TemplateId(view.Rows.Tombstone(r).Template), cancellationToken), cancellationToken)
            .ConfigureAwait(false);

    public async ValueTask<StoredIdentity?> GetIdentityAsync(string identity, CancellationToken cancellationToken = default) =>
        (await ViewAsync(async view => await view.DescribeAsync(
            await view.ListAsync($"{tables.SelectIdentities} WHERE id = $1", view.Rows.Identity, cancellationToken, identity).ConfigureAwait(false), cancellationToken).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false)).FirstOrDefault();

    public async ValueTask<IReadOnlyList<StoredIdentity>> ListIdentitiesAsync(string? after, int limit, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return await ViewAsync(async view => await view.DescribeAsync(
            await view.ListAsync($"{tables.SelectIdentities} WHERE id > $1 ORDER BY id LIMIT $2", view.Rows.Identity, cancellationToken, after ?? "", limit).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Writes the shard's tables into new files without what was removed, and lets the old files go; waits for readers. What PostgreSQL's
    /// write-ahead log, replicas and backups hold is out of its reach (docs/cluster.md).
    /// </summary>
    public async ValueTask ScrubAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await writer.ScrubAsync().ConfigureAwait(false);
    }

    public async ValueTask<IReadOnlyList<OutboxEvent>> ReadOutboxAsync(int limit, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return await ViewAsync(view => view.ListAsync($"{tables.SelectOutbox} ORDER BY lsn LIMIT $1", r => view.Rows.Outbox(r).Event, cancellationToken, limit), cancellationToken)
            .ConfigureAwait(false);
    }

    public async ValueTask ClearOutboxAsync(long throughLsn, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await writer.ClearOutboxAsync(throughLsn).ConfigureAwait(false);
    }

    public async ValueTask<LogHead> VerifyAsync(CancellationToken cancellationToken = default) =>
        await ViewAsync(view => view.VerifyAsync(cancellationToken), cancellationToken).ConfigureAwait(false);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            await writer.DisposeAsync().ConfigureAwait(false);
    }

    private Task<T> ViewAsync<T>(Func<LogView, Task<T>> read, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        LogView view = await LogView.OpenAsync(database, tables, Shard, cancellationToken).ConfigureAwait(false);
        await using (view.ConfigureAwait(false))
            return await read(view).ConfigureAwait(false);
    });

    private async Task<T> GuardAsync<T>(Func<Task<T>> read)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        try
        {
            return await read().ConfigureAwait(false);
        }
        catch (Exception e) when (PostgresErrors.Translate(Shard, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }
}
