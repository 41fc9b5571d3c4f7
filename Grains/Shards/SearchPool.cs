using System.Collections.Concurrent;
using FaceSearch.Grains.Telemetry;
using Microsoft.Extensions.Options;

namespace FaceSearch.Grains.Shards;

/// <summary>
/// The silo's dedicated search threads: a search is pure computation for up to milliseconds and must hold up neither the grain
/// scheduler nor the thread pool. Bounded: a full queue refuses at once instead of making everybody late.
/// </summary>
public sealed class SearchPool : IDisposable
{
    private readonly BlockingCollection<Job> _queue;
    private readonly Thread[] _threads;
    private readonly ShardOptions _options;
    private readonly TimeProvider _time;
    private long _dropped;

    public SearchPool(IOptions<ShardOptions> options, TimeProvider time)
    {
        ShardOptions o = _options = options.Value;
        _time = time;
        _queue = new BlockingCollection<Job>(Math.Max(1, o.SearchQueue));
        _threads = new Thread[o.SearchThreads > 0 ? o.SearchThreads : Environment.ProcessorCount];
        for (int i = 0; i < _threads.Length; i++)
        {
            _threads[i] = new Thread(Run) { IsBackground = true, Name = $"search-{i}" };
            _threads[i].Start();
        }
        GrainMetrics.Add(this);
    }

    /// <summary>Searches waiting for a thread.</summary>
    public int Waiting => _queue.Count;

    /// <summary>Searches that were not made because their deadline had passed, or their caller had gone, before a thread was free.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Makes one search of a shard on a search thread, unless nobody waits for it any more when its turn comes.</summary>
    /// <exception cref="FaceSearchException">overloaded, at once, when the queue is full; deadline-exceeded when its turn came too late.</exception>
    public Task<T> SearchAsync<T>(int shard, Func<T> work, DateTimeOffset deadlineAt, CancellationToken cancellationToken) => RunAsync(
        () =>
        {
            if (_time.GetUtcNow() > deadlineAt)
            {
                Interlocked.Increment(ref _dropped);
                throw new FaceSearchException(ProblemTypes.DeadlineExceeded, 504, "The search was still waiting when its deadline passed.", TimeSpan.FromSeconds(1));
            }
            if (_options.SlowShard is { } slow && (slow == shard || slow < 0))
                Thread.Sleep(_options.SlowBy);
            return work();
        },
        cancellationToken);

    /// <summary>Runs <paramref name="work"/> on a search thread.</summary>
    /// <exception cref="FaceSearchException">overloaded, at once, when the queue is full.</exception>
    public Task<T> RunAsync<T>(Func<T> work, CancellationToken cancellationToken)
    {
        Job<T> job = new(this, work, cancellationToken);
        if (!_queue.TryAdd(job))
        {
            GrainMetrics.Rejected("search");
            throw new FaceSearchException(ProblemTypes.Overloaded, 429, "Too many searches are waiting. Slow down and retry.", TimeSpan.FromSeconds(1));
        }
        return job.Task;
    }

    public void Dispose()
    {
        GrainMetrics.Remove(this);
        _queue.CompleteAdding();
        foreach (Thread thread in _threads)
            thread.Join();
        _queue.Dispose();
    }

    private void Run()
    {
        foreach (Job job in _queue.GetConsumingEnumerable())
            job.Execute();
    }

    private abstract class Job
    {
        public abstract void Execute();
    }

    private sealed class Job<T>(SearchPool pool, Func<T> work, CancellationToken cancellationToken) : Job
    {
        private readonly TaskCompletionSource<T> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<T> Task => _result.Task;

        public override void Execute()
        {
            if (cancellationToken.IsCancellationRequested)
            {
                Interlocked.Increment(ref pool._dropped);
                _result.TrySetCanceled(cancellationToken);
                return;
            }
            try
            {
                _result.TrySetResult(work());
            }
#pragma warning disable CA1031 // whatever a search throws belongs to its caller
            catch (Exception e)
#pragma warning restore CA1031
            {
                _result.TrySetException(e);
            }
        }
    }
}
