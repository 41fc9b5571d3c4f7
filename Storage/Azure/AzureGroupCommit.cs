using System.Threading.Channels;
using FaceSearch.Storage.Sqlite;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// The one writer of a log. Changes that arrive while a block is being appended form the next block. A group is decided in a
/// transaction on the local state, appended, and only then committed locally and answered.
/// </summary>
internal sealed class AzureGroupCommit : IAsyncDisposable
{
    /// <summary>Changes in one block, at most.</summary>
    private const int MaxBatch = 1024;

    /// <summary>Bytes after which a block takes no further change.</summary>
    private const int MaxBytes = 3 << 20;

    /// <summary>Groups after which the local write-ahead log is copied into the local database.</summary>
    private const int GroupsPerCheckpoint = 256;

    private readonly Channel<Work> _queue = Channel.CreateUnbounded<Work>(new() { SingleReader = true });
    private readonly LocalLog _local;
    private readonly LogParts _parts;
    private readonly TimeProvider _time;
    private readonly TimeSpan _retention;
    private readonly Task _loop;
    private StorageException? _failure;
    private Tuple<LogHead> _head;
    private int _groups;

    public AzureGroupCommit(LocalLog local, LogParts parts, TimeProvider time, TimeSpan retention)
    {
        (_local, _parts, _time, _retention) = (local, parts, time, retention);
        _head = Tuple.Create(local.Writer.State.Head);
        _loop = Task.Run(RunAsync);
    }

    private abstract class Work;

    private sealed class Change(byte[] bytes, CancellationToken cancellation) : Work
    {
        public byte[] Bytes { get; } = bytes;

        public IdentityChange What { get; } = ChangeCodec.Decode(bytes);

        public CancellationToken Cancellation { get; } = cancellation;

        public TaskCompletionSource<CommitResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public CommitResult? Result { get; set; }
    }

    private sealed class Errand(Func<Task<bool>> run) : Work
    {
        public Func<Task<bool>> Run { get; } = run;

        public TaskCompletionSource<bool> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Last committed state.</summary>
    public LogHead Head => Volatile.Read(ref _head).Item1;

    public bool IsFenced => Volatile.Read(ref _failure) is EpochFencedException;

    /// <summary>Queues a change; completes when it is durable. Cancelled only while it is still queued.</summary>
    public Task<CommitResult> CommitAsync(IdentityChange change, CancellationToken cancellationToken)
    {
        var work = new Change(ChangeCodec.Encode(change), cancellationToken);
        Enqueue(work);
        return work.Done.Task;
    }

    /// <summary>Forgets events up to an LSN, durably.</summary>
    public Task ClearOutboxAsync(long throughLsn) => RunBetweenAsync(async () =>
    {
        LogWriter writer = _local.Writer;
        writer.BeginUnder(epoch: null);
        if (writer.ClearOutbox(throughLsn) == 0)
        {
            writer.Rollback();
            await _parts.Segment.ConfirmAsync().ConfigureAwait(false);
            return true;
        }
        await _parts.AppendAsync(LogFrameKind.ClearOutbox, BitConverter.GetBytes(throughLsn)).ConfigureAwait(false);
        writer.Commit();
        _parts.Removes = true;
        return true;
    });

    /// <summary>Runs something between two groups; what it throws stops the log unless it is <see cref="StorageUnavailableException"/>.</summary>
    public Task<bool> RunBetweenAsync(Func<Task<bool>> run)
    {
        var work = new Errand(run);
        Enqueue(work);
        return work.Done.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
    }

    private void Enqueue(Work work) => ObjectDisposedException.ThrowIf(!_queue.Writer.TryWrite(work), typeof(AzureTemplateLog));

    private async Task RunAsync()
    {
        var batch = new List<Change>(MaxBatch);
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (_queue.Reader.TryPeek(out Work? next))
            {
                if (next is Errand errand)
                {
                    _queue.Reader.TryRead(out _);
                    await DoAsync(errand).ConfigureAwait(false);
                    continue;
                }
                Gather(batch);
                if (batch.Count > 0)
                    await CommitAsync(batch).ConfigureAwait(false);
                batch.Clear();
            }
        }
    }

    private void Gather(List<Change> batch)
    {
        int bytes = 0;
        while (batch.Count < MaxBatch && bytes < MaxBytes && _queue.Reader.TryPeek(out Work? next) && next is Change change)
        {
            _queue.Reader.TryRead(out _);
            if (change.Cancellation.IsCancellationRequested)
            {
                change.Done.TrySetCanceled(change.Cancellation);
                continue;
            }
            bytes += change.Bytes.Length;
            batch.Add(change);
        }
    }

    private async Task CommitAsync(List<Change> batch)
    {
        try
        {
            Guard();
            await AppendAsync(batch).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever happened, every caller of the batch gets an answer.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Exception failure = Abort(e);
            foreach (Change change in batch)
                change.Done.TrySetException(failure);
            return;
        }
        foreach (Change change in batch)
            change.Done.TrySetResult(change.Result!);
    }

    private async Task AppendAsync(List<Change> batch)
    {
        LogWriter writer = _local.Writer;
        writer.BeginUnder(epoch: null);
        List<byte[]> applied = [];
        bool removes = false;
        foreach (Change change in batch)
        {
            change.Result = writer.Changes.Apply(change.What);
            if (change.Result.Status != CommitStatus.Applied)
                continue;
            applied.Add(change.Bytes);
            removes |= LocalLog.Removes(change.What);
        }
        if (applied.Count == 0)
        {
            // Nothing to write; but what is answered must still be the latest.
            writer.Rollback();
            await _parts.Segment.ConfirmAsync().ConfigureAwait(false);
            return;
        }
        DateTimeOffset before = _time.GetUtcNow() - _retention;
        writer.Changes.Prune(before, 2 * batch.Count);
        writer.SaveMeta(writer.State);
        var group = new ChangeGroup(writer.State.Lsn, writer.State.Digest, before, 2 * batch.Count, applied);
        await _parts.AppendAsync(LogFrameKind.Changes, group.Encode()).ConfigureAwait(false);
        writer.Commit();
        _parts.Removes |= removes;
        Volatile.Write(ref _head, Tuple.Create(writer.State.Head));
        if (++_groups % GroupsPerCheckpoint == 0)
            LogFile.Checkpoint(writer, "PASSIVE");
    }

    private async Task DoAsync(Errand errand)
    {
        try
        {
            Guard();
            errand.Done.TrySetResult(await errand.Run().ConfigureAwait(false));
        }
#pragma warning disable CA1031 // As in CommitAsync.
        catch (Exception e)
#pragma warning restore CA1031
        {
            errand.Done.TrySetException(Abort(e));
        }
    }

    private void Guard()
    {
        if (Volatile.Read(ref _failure) is { } failure)
            throw failure;
    }

    /// <summary>
    /// Takes the local transaction back and decides whether the log may go on: only if the service has refused, so that nothing was
    /// or will be written.
    /// </summary>
    private Exception Abort(Exception e)
    {
        if (ReferenceEquals(e, _failure))
            return e is LogDamagedException ? new LogPoisonedException(_local.Writer.Shard, e) : e;
        bool clean = true;
        try
        {
            _local.Writer.Rollback();
        }
        catch (SqliteException)
        {
            clean = false;
        }
        if (clean && e is StorageUnavailableException)
            return e;
        StorageException failure = e is EpochFencedException or LogDamagedException ? (StorageException)e : new LogPoisonedException(_local.Writer.Shard, e);
        return Interlocked.CompareExchange(ref _failure, failure, null) ?? failure;
    }
}
