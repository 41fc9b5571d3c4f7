using System.Threading.Channels;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Sqlite;

/// <summary>
/// The one writer of a log. Changes that arrive while a transaction is being flushed form the next one: no timer, no
/// thread waits for its change, and each answer is given after the flush that made it durable.
/// </summary>
internal sealed class GroupCommit : IAsyncDisposable
{
    /// <summary>Changes in one transaction, at most.</summary>
    private const int MaxBatch = 1024;

    /// <summary>Templates after which a transaction takes no further change (about 4 MiB).</summary>
    private const int MaxTemplates = 4096;

    /// <summary>Pages written after which the write-ahead log is copied into the database (16 MiB).</summary>
    private const int CheckpointPages = 4096;

    private const int Busy = 5, CacheWrites = 9; // SQLITE_BUSY, SQLITE_DBSTATUS_CACHE_WRITE
    private readonly Channel<Work> _queue = Channel.CreateUnbounded<Work>(new() { SingleReader = true });
    private readonly LogWriter _writer;
    private readonly AcknowledgementMark _mark;
    private readonly long _epoch;
    private readonly TimeProvider _time;
    private readonly TimeSpan _retention;
    private readonly Task _loop;
    private StorageException? _failure;
    private Tuple<LogHead> _head;

    public GroupCommit(LogWriter writer, AcknowledgementMark mark, MetaRow opened, TimeProvider time, TimeSpan retention)
    {
        (_writer, _mark, _epoch, _time, _retention) = (writer, mark, opened.Epoch, time, retention);
        _head = Tuple.Create(opened.Head);
        _loop = Task.Run(RunAsync);
    }

    private abstract class Work;

    private sealed class Change(IdentityChange what, CancellationToken cancellation) : Work
    {
        public IdentityChange What { get; } = what;

        public CancellationToken Cancellation { get; } = cancellation;

        public TaskCompletionSource<CommitResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public CommitResult? Result { get; set; }

        public Exception? Refusal { get; set; }
    }

    private sealed class Errand(Func<bool> run) : Work
    {
        public Func<bool> Run { get; } = run;

        public TaskCompletionSource<bool> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Last committed state.</summary>
    public LogHead Head => Volatile.Read(ref _head).Item1;

    /// <summary>Queues a change; completes when it is durable. Cancelled only while it is still queued.</summary>
    public Task<CommitResult> CommitAsync(IdentityChange change, CancellationToken cancellationToken)
    {
        var work = new Change(change, cancellationToken);
        Enqueue(work);
        return work.Done.Task;
    }

    /// <summary>Forgets events up to an LSN, durably.</summary>
    public Task ClearOutboxAsync(long throughLsn) => EnqueueErrand(() =>
    {
        _writer.BeginUnder(_epoch);
        if (_writer.ClearOutbox(throughLsn) > 0)
            _writer.Commit();
        else
            _writer.Rollback();
        return true;
    });

    /// <summary>Copies the write-ahead log into the database and cuts it to nothing; false while a reader still needs it.</summary>
    public Task<bool> TryTruncateAsync() => EnqueueErrand(() => LogFile.Checkpoint(_writer, "TRUNCATE"));

    /// <summary>Whether another opener, or a deletion, is known to have taken over.</summary>
    public bool IsFenced => Volatile.Read(ref _failure) is EpochFencedException;

    /// <summary>Fails every later change: another opener takes over, or the log is being deleted.</summary>
    public void Fence() => Interlocked.CompareExchange(ref _failure, new EpochFencedException(_writer.Shard, _epoch), null);

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
        _writer.Dispose();
        _mark.Dispose();
    }

    private Task<bool> EnqueueErrand(Func<bool> run)
    {
        var work = new Errand(run);
        Enqueue(work);
        return work.Done.Task;
    }

    private void Enqueue(Work work) => ObjectDisposedException.ThrowIf(!_queue.Writer.TryWrite(work), typeof(SqliteTemplateLog));

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
                    Do(errand);
                    continue;
                }
                Gather(batch);
                if (batch.Count > 0)
                    Commit(batch);
                batch.Clear();
                CheckpointAtNeed();
            }
        }
    }

    private void Gather(List<Change> batch)
    {
        int templates = 0;
        while (batch.Count < MaxBatch && templates < MaxTemplates && _queue.Reader.TryPeek(out Work? next) && next is Change change)
        {
            _queue.Reader.TryRead(out _);
            if (change.Cancellation.IsCancellationRequested)
            {
                change.Done.TrySetCanceled(change.Cancellation);
                continue;
            }
            templates += change.What.Add.Count;
            batch.Add(change);
        }
    }

    private void Commit(List<Change> batch)
    {
        try
        {
            Guard();
            _writer.BeginUnder(_epoch);
            foreach (Change change in batch)
                Decide(change);
            if (_writer.HasWritten)
            {
                _writer.Prune(_time.GetUtcNow() - _retention, 2 * batch.Count);
                _writer.SaveMeta(_writer.State);
                _writer.Commit();
                Volatile.Write(ref _head, Tuple.Create(_writer.State.Head));
                _mark.Write(_writer.State.Lsn, _writer.State.Digest);
                LogMetrics.Committed(batch.Count);
            }
            else
            {
                _writer.Rollback();
            }
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
        {
            if (change.Refusal is null)
                change.Done.TrySetResult(change.Result!);
            else
                change.Done.TrySetException(change.Refusal);
        }
    }

    /// <summary>Applies one change; damage that is met while it is only being looked at fails this change alone.</summary>
    private void Decide(Change change)
    {
        try
        {
            change.Result = _writer.Apply(change.What);
        }
        catch (Exception e) when (_writer.InTransaction && !_writer.IsWriting && SqliteErrors.Translate(_writer.Shard, e) is LogDamagedException)
        {
            change.Refusal = SqliteErrors.Translate(_writer.Shard, e);
        }
    }

    private void Do(Errand errand)
    {
        try
        {
            Guard();
            errand.Done.TrySetResult(errand.Run());
        }
#pragma warning disable CA1031 // As in Commit.
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
    /// Ends the transaction and decides whether the log may go on: after a fence, damage, or a failed write or flush it may
    /// not; after "no space" or "busy", cleanly rolled back, it may.
    /// </summary>
    private Exception Abort(Exception e)
    {
        if (ReferenceEquals(e, _failure))
            return e is LogDamagedException ? new LogPoisonedException(_writer.Shard, e) : e;
        bool clean = TryRollback();
        if (clean && e is SqliteException sqlite)
        {
            if (sqlite.IsFull())
                return new StorageFullException(_writer.Shard, sqlite);
            if (sqlite.SqliteErrorCode == Busy)
                return SqliteErrors.Translate(_writer.Shard, sqlite);
        }
        Exception translated = SqliteErrors.Translate(_writer.Shard, e);
        StorageException failure = translated as StorageException is EpochFencedException or LogDamagedException
            ? (StorageException)translated
            : new LogPoisonedException(_writer.Shard, translated);
        return Interlocked.CompareExchange(ref _failure, failure, null) ?? failure;
    }

    private bool TryRollback()
    {
        try
        {
            _writer.Rollback();
            return true;
        }
        catch (SqliteException)
        {
            return false;
        }
    }

    private void CheckpointAtNeed()
    {
        SQLitePCL.raw.sqlite3_db_status(_writer.Connection.Handle, CacheWrites, out int pages, out _, 0);
        if (pages < CheckpointPages || _failure is not null)
            return;
        SQLitePCL.raw.sqlite3_db_status(_writer.Connection.Handle, CacheWrites, out _, out _, 1);
        try
        {
            LogFile.Checkpoint(_writer, "PASSIVE");
        }
        catch (SqliteException e) when (e.IsFull())
        {
            // The log itself is intact and flushed; the next one tries again.
        }
        catch (SqliteException e)
        {
            Abort(e);
        }
    }
}
