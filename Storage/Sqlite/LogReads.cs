using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace FaceSearch.Storage.Sqlite;

/// <summary>
/// Reads of a log that lies in a SQLite file. SQLite is synchronous, so they run on the thread pool: each on a connection of its own, in a
/// read transaction that sees one commit and holds up none.
/// </summary>
internal sealed class LogReads(ShardId shard, string file) : IDisposable
{
    private const int ChunkLength = 1024;
    private readonly ConcurrentBag<LogConnection> _idle = [];
    private int _disposed;

    public async IAsyncEnumerable<LogEntry> ReadAsync(long afterLsn, ulong digest, [EnumeratorCancellation] CancellationToken cancellationToken)
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

    public ValueTask<IReadOnlyList<TemplateId>> ListRemovedAsync(CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<TemplateId>>(log => [.. log.Tombstones().Select(row => new TemplateId(row.Template))], cancellationToken);

    public ValueTask<StoredIdentity?> GetIdentityAsync(string identity, CancellationToken cancellationToken) =>
        ReadAsync(log => log.FindIdentity(identity) is { } row ? log.Describe(row, log.Members(row)) : null, cancellationToken);

    public ValueTask<IReadOnlyList<StoredIdentity>> ListIdentitiesAsync(string? after, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return ReadAsync<IReadOnlyList<StoredIdentity>>(log => [.. log.ListIdentities(after ?? "", limit).Select(row => log.Describe(row, log.Members(row)))], cancellationToken);
    }

    public ValueTask<IReadOnlyList<OutboxEvent>> ReadOutboxAsync(int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return ReadAsync<IReadOnlyList<OutboxEvent>>(log => [.. log.Outbox(limit).Select(row => row.Event)], cancellationToken);
    }

    /// <summary>Reads and proves the whole file, with no page cached from before.</summary>
    public Task<LogHead> VerifyAsync(CancellationToken cancellationToken) => OnPool(() =>
    {
        using LogConnection fresh = new(shard, file, write: false);
        return new LogVerification(fresh).Run(cancellationToken);
    }, cancellationToken);

    public async ValueTask<T> ReadAsync<T>(Func<LogConnection, T> read, CancellationToken cancellationToken) => await OnPool(() =>
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

    /// <summary>A connection, to be given back by <see cref="Return"/>.</summary>
    public LogConnection Rent() => _idle.TryTake(out LogConnection? idle) ? idle : new LogConnection(shard, file, write: false);

    /// <summary>Keeps a connection for the next reader, unless something went wrong on it.</summary>
    public void Return(LogConnection log, bool sound)
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

    /// <summary>Every later read throws.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _disposed, 1);
        while (_idle.TryTake(out LogConnection? log))
            log.Dispose();
    }

    private async Task<T> OnPool<T>(Func<T> read, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        try
        {
            return await Task.Run(read, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (SqliteErrors.Translate(shard, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }
}
