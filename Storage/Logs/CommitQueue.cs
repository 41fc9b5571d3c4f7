using System.Threading.Channels;
using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Logs;

/// <summary>
/// The one writer of a log, whatever the store. Changes that arrive while a transaction is being made durable form the next one: no
/// timer, no thread waits for its change, and each answer is given after the commit that made it durable.
/// </summary>
internal abstract class CommitQueue : IAsyncDisposable
{
    /// <summary>Changes in one transaction, at most.</summary>
    private const int MaxBatch = 1024;

    /// <summary>Templates after which a transaction takes no further change (about 4 MiB).</summary>
    private const int MaxTemplates = 4096;

    private readonly Channel<Work> _queue = Channel.CreateUnbounded<Work>(new() { SingleReader = true });
    private readonly Task _loop;
    private StorageException? _failure;
    private Tuple<LogHead> _head;

    protected CommitQueue(MetaRow opened)
    {
        (Shard, Epoch) = (opened.Shard, opened.Epoch);
        _head = Tuple.Create(opened.Head);
        _loop = Task.Run(RunAsync);
    }

    protected abstract class Work;

    /// <summary>A change that waits for its turn, or is being decided.</summary>
    protected sealed class Change(IdentityChange what, CancellationToken cancellation) : Work
    {
        public IdentityChange What { get; } = what;

        public CancellationToken Cancellation { get; } = cancellation;

        public TaskCompletionSource<CommitResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public CommitResult? Result { get; set; }

        /// <summary>Why this change alone failed.</summary>
        public Exception? Refusal { get; set; }
    }

    private sealed class Errand(Func<ValueTask<bool>> run) : Work
    {
        public Func<ValueTask<bool>> Run { get; } = run;

        public TaskCompletionSource<bool> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Last committed state.</summary>
    public LogHead Head
    {
        get => Volatile.Read(ref _head).Item1;
        protected set => Volatile.Write(ref _head, Tuple.Create(value));
    }

    /// <summary>Whether another opener, or a deletion, is known to have taken over.</summary>
    public bool IsFenced => Volatile.Read(ref _failure) is EpochFencedException;

    protected ShardId Shard { get; }

    protected long Epoch { get; }

    protected bool HasFailed => Volatile.Read(ref _failure) is not null;

    /// <summary>Queues a change; completes when it is durable. Cancelled only while it is still queued.</summary>
    public Task<CommitResult> CommitAsync(IdentityChange change, CancellationToken cancellationToken)
    {
        var work = new Change(change, cancellationToken);
        Enqueue(work);
        return work.Done.Task;
    }

    /// <summary>Fails every later change: another opener takes over, or the log is being deleted.</summary>
    public void Fence() => Interlocked.CompareExchange(ref _failure, new EpochFencedException(Shard, Epoch), null);

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
        Close();
        GC.SuppressFinalize(this);
    }

    /// <summary>Does something else in its turn, under the rules of a change.</summary>
    protected Task<bool> EnqueueErrand(Func<ValueTask<bool>> run)
    {
        var work = new Errand(run);
        Enqueue(work);
        return work.Done.Task;
    }

    /// <summary>Decides the changes in order and makes them durable in one transaction; sets <see cref="Head"/>.</summary>
    protected abstract ValueTask WriteAsync(IReadOnlyList<Change> batch);

    /// <summary>Between transactions.</summary>
    protected virtual void Tidy()
    {
    }

    /// <summary>
    /// Ends the open transaction after a failure. Not null: nothing was written and the log may go on; that is what the callers hear.
    /// </summary>
    protected abstract ValueTask<Exception?> TakeBackAsync(Exception e);

    /// <summary>The store's exception for a failure.</summary>
    protected abstract Exception Translate(Exception e);

    /// <summary>Releases what the writer holds.</summary>
    protected virtual void Close()
    {
    }

    /// <summary>Ends the log's life under this handle unless it may go on; the exception for the callers.</summary>
    protected async Task<Exception> AbortAsync(Exception e)
    {
        if (ReferenceEquals(e, _failure))
            return e is LogDamagedException ? new LogPoisonedException(Shard, e) : e;
        if (await TakeBackAsync(e).ConfigureAwait(false) is { } harmless)
            return harmless;
        Exception translated = Translate(e);
        StorageException failure = translated as StorageException is EpochFencedException or LogDamagedException
            ? (StorageException)translated
            : new LogPoisonedException(Shard, translated);
        return Interlocked.CompareExchange(ref _failure, failure, null) ?? failure;
    }

    private void Enqueue(Work work) => ObjectDisposedException.ThrowIf(!_queue.Writer.TryWrite(work), typeof(ITemplateLog));

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
                Tidy();
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

    private async Task CommitAsync(List<Change> batch)
    {
        try
        {
            Guard();
            await WriteAsync(batch).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever happened, every caller of the batch gets an answer.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Exception failure = await AbortAsync(e).ConfigureAwait(false);
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
            errand.Done.TrySetException(await AbortAsync(e).ConfigureAwait(false));
        }
    }

    private void Guard()
    {
        if (Volatile.Read(ref _failure) is { } failure)
            throw failure;
    }
}
