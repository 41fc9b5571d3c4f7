using Azure.Storage.Blobs;
using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// Follows a log in a local state of its own, which goes on with the log's blobs at each look (docs/azure.md, "Following a log"). What
/// was removed is in no file of it when a look has ended.
/// </summary>
internal sealed class AzureLogFollower(ShardId shard, LogHeadBlob head, BlobContainerClient container, Func<string> newFolder) : ILogFollower
{
    private readonly SemaphoreSlim _one = new(1);
    private LocalLog? _local;
    private LogPartReader _reader = new(shard, container);
    private string _incarnation = "";
    private bool _disposed;

    public ValueTask<LogHead?> PeekAsync(CancellationToken cancellationToken = default) => LookAsync(local => local.Writer.State.Head, cancellationToken);

    public ValueTask<LogHead?> ReadAsync(long afterLsn, ulong digest, Action<IReadOnlyList<LogEntry>> take, CancellationToken cancellationToken = default) => LookAsync(local =>
    {
        using LogConnection view = new(shard, local.File, write: false);
        return LogDiff.Read(view, afterLsn, digest, take, cancellationToken);
    }, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _one.WaitAsync().ConfigureAwait(false);
        _disposed = true;
        Forget();
        _one.Release();
    }

    private async ValueTask<LogHead?> LookAsync(Func<LocalLog, LogHead> look, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return await AzureErrors.GuardAsync(shard, () => Task.Run(async () =>
            {
                bool there = await head.ReadPartsAsync(now => CatchUpAsync(now, cancellationToken), cancellationToken).ConfigureAwait(false);
                if (!there)
                    Forget();
                return there ? look(_local!) : default(LogHead?);
            }, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Goes on from the segment that was read last, or begins anew if the log has left that behind.</summary>
    private async Task<bool> CatchUpAsync(LogManifest now, CancellationToken cancellationToken)
    {
        bool goesOn = _local is not null && now.Incarnation == _incarnation && _reader.GoesOn(now.Parts);
        if (!goesOn)
        {
            Forget();
            (_local, _incarnation) = (new LocalLog(shard, newFolder()), now.Incarnation);
        }
        try
        {
            await _reader.LoadAsync(now.Parts, openLength: -1, _local!, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (!goesOn || !(e is OperationCanceledException || AzureErrors.IsService(e)))
        {
            Forget(); // Only between two groups of a segment is there a place to go on from.
            throw;
        }
    }

    private void Forget()
    {
        _local?.Dispose();
        (_local, _reader) = (null, new LogPartReader(shard, container));
    }
}
