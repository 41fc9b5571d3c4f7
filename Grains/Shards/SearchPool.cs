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

    public SearchPool(IOptions<ShardOptions> options)
    {
        ShardOptions o = options.Value;
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

    /// <summary>Runs <paramref name="work"/> on a search thread.</summary>
    /// <exception cref="FaceSearchException">overloaded, at once, when the queue is full.</exception>
    public Task<T> RunAsync<T>(Func<T> work, CancellationToken cancellationToken)
    {
        Job<T> job = new(work, cancellationToken);
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

    private sealed class Job<T>(Func<T> work, CancellationToken cancellationToken) : Job
    {
        private readonly TaskCompletionSource<T> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<T> Task => _result.Task;

        public override void Execute()
        {
            if (cancellationToken.IsCancellationRequested)
            {
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
