using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Sqlite;

/// <summary>
/// A shard's log in one SQLite database. SQLite is synchronous, so reads run on the thread pool: each on a connection of
/// its own, in a read transaction that sees one commit and holds up none.
/// </summary>
internal sealed class SqliteTemplateLog : ITemplateLog
{
    private const int ChunkLength = 1024;
    private static readonly TimeSpan ScrubRetry = TimeSpan.FromMilliseconds(20);
    private readonly string _file;
    private readonly GroupCommit _writer;
    private readonly Action<SqliteTemplateLog> _closed;
    private readonly ConcurrentBag<LogConnection> _idle = [];
    private int _disposed;

    public SqliteTemplateLog(ShardId shard, string file, MetaRow opened, string? notice, GroupCommit writer, Action<SqliteTemplateLog> closed)
    {
        (Shard, _file, Epoch, RecoveryNotice, _writer, _closed) = (shard, file, opened.Epoch, notice, writer, closed);
    }

    public ShardId Shard { get; }

    public long Epoch { get; }

    public LogHead Head => _writer.Head;

    public string? RecoveryNotice { get; }

    public ValueTask<CommitResult> CommitAsync(IdentityChange change, CancellationToken cancellationToken = default)
    {
        ChangeRules.Check(change);
        return new(_writer.CommitAsync(change, cancellationToken));
    }

    public ValueTask<bool> IsCurrentAsync(CancellationToken cancellationToken = default) =>
        _writer.IsFenced ? new(false) : ReadAsync(log => log.Meta().Epoch == Epoch, cancellationToken);

    public async IAsyncEnumerable<LogEntry> ReadAsync(long afterLsn, ulong digest, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        LogConnection log = await OnPool(Rent, cancellationToken).ConfigureAwait(false);
        LogDiff? diff = null;
        bool sound = false;
        try
        {
            diff = await OnPool(() => new LogDiff(log, afterLsn, digest), cancellationToken).ConfigureAwait(false);
            while (await OnPool(() => diff.Next(ChunkLength), cancellationToken).ConfigureAwait(false) is { Count: > 0 } chunk)
            {
                sound = true;
                foreach (LogEntry entry in chunk)
                    yield return entry;
                sound = false;
            }
            sound = true;
        }
        finally
        {
            diff?.Dispose();
            Return(log, sound);
        }
    }

    public ValueTask<IReadOnlyList<TemplateId>> ListRemovedAsync(CancellationToken cancellationToken = default) =>
        ReadAsync<IReadOnlyList<TemplateId>>(log => [.. log.Tombstones().Select(row => new TemplateId(row.Template))], cancellationToken);

    public ValueTask<StoredIdentity?> GetIdentityAsync(string identity, CancellationToken cancellationToken = default) =>
        ReadAsync(log => log.FindIdentity(identity) is { } row ? log.Describe(row, log.Members(row)) : null, cancellationToken);

    public ValueTask<IReadOnlyList<StoredIdentity>> ListIdentitiesAsync(string? after, int limit, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return ReadAsync<IReadOnlyList<StoredIdentity>>(log => [.. log.ListIdentities(after ?? "", limit).Select(row => log.Describe(row, log.Members(row)))], cancellationToken);
    }

    public async ValueTask ScrubAsync(CancellationToken cancellationToken = default)
    {
        while (!await _writer.TryTruncateAsync().ConfigureAwait(false))
            await Task.Delay(ScrubRetry, cancellationToken).ConfigureAwait(false);
    }

    public ValueTask<IReadOnlyList<OutboxEvent>> ReadOutboxAsync(int limit, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return ReadAsync<IReadOnlyList<OutboxEvent>>(log => [.. log.Outbox(limit).Select(row => row.Event)], cancellationToken);
    }

    public async ValueTask ClearOutboxAsync(long throughLsn, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await _writer.ClearOutboxAsync(throughLsn).ConfigureAwait(false);
    }

    public async ValueTask<LogHead> VerifyAsync(CancellationToken cancellationToken = default) =>
        await OnPool(() =>
        {
            using var fresh = new LogConnection(Shard, _file, write: false); // With no page cached from before.
            return new LogVerification(fresh).Run(cancellationToken);
        }, cancellationToken).ConfigureAwait(false);

    /// <summary>Stops all writing.</summary>
    public void Fence() => _writer.Fence();

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        while (_idle.TryTake(out LogConnection? log))
            log.Dispose();
        await _writer.DisposeAsync().ConfigureAwait(false);
        _closed(this);
    }

    private async ValueTask<T> ReadAsync<T>(Func<LogConnection, T> read, CancellationToken cancellationToken) => await OnPool(() =>
    {
        LogConnection log = Rent();
        bool sound = false;
        try
        {
            log.Begin();
            T result = read(log);
            sound = true;
            return result;
        }
        finally
        {
            Return(log, sound);
        }
    }, cancellationToken).ConfigureAwait(false);

    private async Task<T> OnPool<T>(Func<T> read, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        try
        {
            return await Task.Run(read, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (SqliteErrors.Translate(Shard, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }

    private LogConnection Rent() => _idle.TryTake(out LogConnection? idle) ? idle : new LogConnection(Shard, _file, write: false);

    /// <summary>Keeps a connection for the next reader, unless something went wrong on it.</summary>
    private void Return(LogConnection log, bool sound)
    {
        if (sound && Volatile.Read(ref _disposed) == 0)
        {
            log.Rollback();
            _idle.Add(log);
        }
        else
        {
            log.Dispose();
        }
    }
}
