namespace FaceSearch.Storage.Sqlite;

/// <summary>A shard's log in one SQLite database.</summary>
internal sealed class SqliteTemplateLog : ITemplateLog
{
    private static readonly TimeSpan ScrubRetry = TimeSpan.FromMilliseconds(20);
    private readonly GroupCommit _writer;
    private readonly Action<SqliteTemplateLog> _closed;
    private readonly LogReads _reads;
    private int _disposed;

    public SqliteTemplateLog(ShardId shard, string file, MetaRow opened, string? notice, GroupCommit writer, Action<SqliteTemplateLog> closed)
    {
        (Shard, _reads, Epoch, RecoveryNotice, _writer, _closed) = (shard, new LogReads(shard, file), opened.Epoch, notice, writer, closed);
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
        _writer.IsFenced ? new(false) : _reads.ReadAsync(log => log.Meta().Epoch == Epoch, cancellationToken);

    public IAsyncEnumerable<LogEntry> ReadAsync(long afterLsn, ulong digest, CancellationToken cancellationToken = default) => _reads.ReadAsync(afterLsn, digest, cancellationToken);

    public ValueTask<IReadOnlyList<TemplateId>> ListRemovedAsync(CancellationToken cancellationToken = default) => _reads.ListRemovedAsync(cancellationToken);

    public ValueTask<StoredIdentity?> GetIdentityAsync(string identity, CancellationToken cancellationToken = default) => _reads.GetIdentityAsync(identity, cancellationToken);

    public ValueTask<IReadOnlyList<StoredIdentity>> ListIdentitiesAsync(string? after, int limit, CancellationToken cancellationToken = default) =>
        _reads.ListIdentitiesAsync(after, limit, cancellationToken);

    public async ValueTask ScrubAsync(CancellationToken cancellationToken = default)
    {
        while (!await _writer.TryTruncateAsync().ConfigureAwait(false))
            await Task.Delay(ScrubRetry, cancellationToken).ConfigureAwait(false);
    }

    public ValueTask<IReadOnlyList<OutboxEvent>> ReadOutboxAsync(int limit, CancellationToken cancellationToken = default) => _reads.ReadOutboxAsync(limit, cancellationToken);

    public async ValueTask ClearOutboxAsync(long throughLsn, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await _writer.ClearOutboxAsync(throughLsn).ConfigureAwait(false);
    }

    public ValueTask<LogHead> VerifyAsync(CancellationToken cancellationToken = default) => new(_reads.VerifyAsync(cancellationToken));

    /// <summary>Stops all writing.</summary>
    public void Fence() => _writer.Fence();

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _reads.Dispose();
        await _writer.DisposeAsync().ConfigureAwait(false);
        _closed(this);
    }
}
