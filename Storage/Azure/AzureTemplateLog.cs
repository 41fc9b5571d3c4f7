using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// A shard's log in append blobs (docs/azure.md). Reads come from the local state, which holds what was acknowledged.
/// </summary>
internal sealed class AzureTemplateLog : ITemplateLog
{
    private static readonly TimeSpan ScrubRetry = TimeSpan.FromMilliseconds(20);
    private readonly LocalLog _local;
    private readonly LogParts _parts;
    private readonly LogHeadBlob _peek;
    private readonly AzureGroupCommit _writer;
    private readonly string _incarnation;
    private readonly Func<string> _newFolder;
    private readonly SemaphoreSlim _compacting = new(1);
    private readonly LogReads _reads;
    private int _disposed;

    public AzureTemplateLog(LogManifest opened, LocalLog local, LogParts parts, LogHeadBlob peek, AzureGroupCommit writer, Func<string> newFolder)
    {
        (Shard, Epoch, _incarnation) = (opened.Shard, opened.Epoch, opened.Incarnation);
        _reads = new LogReads(opened.Shard, local.File);
        (_local, _parts, _peek, _writer, _newFolder) = (local, parts, peek, writer, newFolder);
    }

    public ShardId Shard { get; }

    public long Epoch { get; }

    public LogHead Head => _writer.Head;

    /// <summary>An AppendBlock is carried out whole or not at all, so there is never a torn tail.</summary>
    public string? RecoveryNotice => null;

    public ValueTask<CommitResult> CommitAsync(IdentityChange change, CancellationToken cancellationToken = default)
    {
        ChangeRules.Check(change);
        return new(_writer.CommitAsync(change, cancellationToken));
    }

    public async ValueTask<bool> IsCurrentAsync(CancellationToken cancellationToken = default)
    {
        if (_writer.IsFenced)
            return false;
        LogManifest? now = await AskAsync(() => _peek.PeekAsync(cancellationToken)).ConfigureAwait(false);
        return now?.Incarnation == _incarnation && now.Epoch == Epoch;
    }

    public IAsyncEnumerable<LogEntry> ReadAsync(long afterLsn, ulong digest, CancellationToken cancellationToken = default) => _reads.ReadAsync(afterLsn, digest, cancellationToken);

    public ValueTask<IReadOnlyList<TemplateId>> ListRemovedAsync(CancellationToken cancellationToken = default) => _reads.ListRemovedAsync(cancellationToken);

    public ValueTask<StoredIdentity?> GetIdentityAsync(string identity, CancellationToken cancellationToken = default) => _reads.GetIdentityAsync(identity, cancellationToken);

    public ValueTask<IReadOnlyList<StoredIdentity>> ListIdentitiesAsync(string? after, int limit, CancellationToken cancellationToken = default) =>
        _reads.ListIdentitiesAsync(after, limit, cancellationToken);

    public ValueTask<IReadOnlyList<OutboxEvent>> ReadOutboxAsync(int limit, CancellationToken cancellationToken = default) => _reads.ReadOutboxAsync(limit, cancellationToken);

    public async ValueTask ClearOutboxAsync(long throughLsn, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await _writer.ClearOutboxAsync(throughLsn).ConfigureAwait(false);
    }

    /// <summary>
    /// Writes the present state into new blobs (but for ranges of templates that lost none), puts them in the place of the old ones
    /// and deletes those; commits go on meanwhile. Then the local state is scrubbed as a SQLite log is.
    /// </summary>
    public async ValueTask ScrubAsync(CancellationToken cancellationToken = default)
    {
        await _compacting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await AskAsync(async () =>
            {
                await CompactAsync(cancellationToken).ConfigureAwait(false);
                await _parts.DeleteAsync(cancellationToken).ConfigureAwait(false);
                return true;
            }).ConfigureAwait(false);
        }
        finally
        {
            _compacting.Release();
        }
        while (!await _writer.RunBetweenAsync(() => Task.FromResult(LogFile.Checkpoint(_local.Writer, "TRUNCATE"))).ConfigureAwait(false))
            await Task.Delay(ScrubRetry, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads every blob again into another local state, verifies it, and compares it with the one that answers.</summary>
    public async ValueTask<LogHead> VerifyAsync(CancellationToken cancellationToken = default)
    {
        LogHead before = Head;
        await _reads.VerifyAsync(cancellationToken).ConfigureAwait(false);
        await _compacting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => AskAsync(() => VerifyStoredAsync(before, cancellationToken)), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _compacting.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _writer.DisposeAsync().ConfigureAwait(false);
        _reads.Dispose();
        _local.Dispose();
        _compacting.Dispose();
    }

    private async Task CompactAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<LogPart> before = [];
        LogConnection? view = null;
        // Between two groups: what is in the view is in the parts before, what comes later in the new segment.
        bool begun = await _writer.RunBetweenAsync(async () =>
        {
            if (!_parts.Removes)
            {
                await _parts.Segment.ConfirmAsync().ConfigureAwait(false);
                return false;
            }
            await _parts.RollAsync().ConfigureAwait(false);
            before = [.. _parts.All.SkipLast(1)];
            view = _reads.Rent();
            view.Begin();
            _ = view.Meta(); // The transaction sees what there is at its first read.
            _parts.Removes = false;
            return true;
        }).ConfigureAwait(false);
        if (!begun)
            return;
        bool done = false;
        try
        {
            List<LogPart> parts = await Task.Run(() => _parts.WritePartsAsync(view!, before, cancellationToken), cancellationToken).ConfigureAwait(false);
            done = await _writer.RunBetweenAsync(async () =>
            {
                await _parts.ReplaceAsync(before, parts).ConfigureAwait(false);
                return true;
            }).ConfigureAwait(false);
        }
        finally
        {
            _parts.Removes |= !done;
            _reads.Return(view!, done);
        }
    }

    private async Task<LogHead> VerifyStoredAsync(LogHead before, CancellationToken cancellationToken)
    {
        LogManifest? now = await _peek.PeekAsync(cancellationToken).ConfigureAwait(false);
        if (now?.Incarnation != _incarnation || now.Epoch != Epoch)
            throw new EpochFencedException(Shard, Epoch);
        using var again = new LocalLog(Shard, _newFolder());
        await new LogPartReader(Shard, _parts.Container).LoadAsync(now.Parts, openLength: -1, again, cancellationToken).ConfigureAwait(false);
        LogHead stored = new LogVerification(again.Writer).Run(cancellationToken);
        ulong then = before.Lsn == 0 ? 0 : again.Writer.CommitAt(before.Lsn)?.Digest ?? throw new LogDamagedException(Shard, "an acknowledged commit is missing");
        return then == before.Digest ? stored : throw new LogDamagedException(Shard, $"its history at LSN {before.Lsn} is not the acknowledged one");
    }

    private async Task<T> AskAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException && AzureErrors.Translate(Shard, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }
}
