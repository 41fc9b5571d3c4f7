using System.Diagnostics;
using System.Threading.Channels;
using FaceSearch.Grains.Telemetry;
using FaceSearch.Vision;
using Microsoft.Extensions.Options;

namespace FaceSearch.Grains.Embedders;

/// <summary>
/// Gathers crops of concurrent calls into batches for the silo's one ONNX session. Crops wait in a bounded queue; a few dedicated
/// threads each take what is there (up to <see cref="EmbedderOptions.MaxBatch"/>, waiting at most
/// <see cref="EmbedderOptions.MaxWait"/> for more) and run the network.
/// </summary>
public sealed class EmbedderBatcher : IDisposable
{
    private readonly record struct Request(AlignedFace Crop, DateTimeOffset DeadlineAt, TaskCompletionSource<Embedding> Result, ActivityContext Caller, CancellationToken Cancellation);

    private readonly IFaceEmbedder _embedder;
    private readonly EmbedderOptions _options;
    private readonly Channel<Request> _queue;
    private readonly Thread[] _threads;
    private long _dropped;

    public EmbedderBatcher(IFaceEmbedder embedder, IOptions<EmbedderOptions> options)
    {
        _embedder = embedder;
        _options = options.Value;
        _queue = Channel.CreateBounded<Request>(_options.MaxQueue);
        _threads = new Thread[_options.Concurrency > 0 ? _options.Concurrency : Environment.ProcessorCount];
        for (int i = 0; i < _threads.Length; i++)
        {
            _threads[i] = new Thread(Run) { IsBackground = true, Name = $"embed-{i}" };
            _threads[i].Start();
        }
    }

    /// <summary>The model served.</summary>
    public string Model => _embedder.Manifest.Name;

    /// <summary>Crops that were not embedded because nobody waited for them any more.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Crops waiting.</summary>
    public int Waiting => _queue.Reader.Count;

    /// <exception cref="FaceSearchException">overloaded, at once, when the queue is full; deadline-exceeded for a crop whose turn came too late.</exception>
    public Task<Embedding> EmbedAsync(AlignedFace crop, DateTimeOffset? deadlineAt = null, CancellationToken cancellationToken = default)
    {
        Request request = new(crop, deadlineAt ?? DateTimeOffset.MaxValue, new TaskCompletionSource<Embedding>(TaskCreationOptions.RunContinuationsAsynchronously), GrainTracing.Here, cancellationToken);
        if (!_queue.Writer.TryWrite(request))
        {
            GrainMetrics.Rejected("embedder");
            throw new FaceSearchException(ProblemTypes.Overloaded, 429, "Too many faces are waiting to be embedded. Slow down and retry.", TimeSpan.FromSeconds(1));
        }
        return request.Result.Task;
    }

    public void Dispose()
    {
        _queue.Writer.TryComplete();
        foreach (Thread thread in _threads)
            thread.Join();
    }

    private void Run()
    {
        List<Request> batch = new(_options.MaxBatch);
        float[] output = new float[_options.MaxBatch * Embedding.Dimension];
        while (Gather(batch))
        {
            Execute(batch, output);
            batch.Clear();
        }
    }

    private bool Gather(List<Request> batch)
    {
        if (!WaitToRead(Timeout.InfiniteTimeSpan))
            return false;
        long started = TimeProvider.System.GetTimestamp();
        while (batch.Count < _options.MaxBatch)
        {
            if (_queue.Reader.TryRead(out Request request))
            {
                if (IsWanted(request))
                    batch.Add(request);
                continue;
            }
            TimeSpan left = _options.MaxWait - TimeProvider.System.GetElapsedTime(started);
            if (batch.Count > 0 && (left <= TimeSpan.Zero || !WaitToRead(left)))
                break;
            if (batch.Count == 0 && !WaitToRead(Timeout.InfiniteTimeSpan))
                return false;
        }
        return true;
    }

    /// <summary>What nobody waits for is answered without being computed.</summary>
    private bool IsWanted(Request request)
    {
        if (request.Cancellation.IsCancellationRequested)
            request.Result.TrySetCanceled(request.Cancellation);
        else if (TimeProvider.System.GetUtcNow() > request.DeadlineAt)
            request.Result.TrySetException(new FaceSearchException(ProblemTypes.DeadlineExceeded, 504, "The face was still waiting to be embedded when its deadline passed.", TimeSpan.FromSeconds(1)));
        else
            return true;
        Interlocked.Increment(ref _dropped);
        return false;
    }

    private bool WaitToRead(TimeSpan limit)
    {
        ValueTask<bool> ready = _queue.Reader.WaitToReadAsync();
        if (ready.IsCompleted)
            return ready.Result;
        Task<bool> task = ready.AsTask();
        return task.Wait(limit) && task.Result;
    }

    private void Execute(List<Request> batch, float[] output)
    {
        try
        {
            Span<float> vectors = output.AsSpan(0, batch.Count * Embedding.Dimension);
            using (Activity? span = GrainTracing.Start("onnx.run", [.. batch.Select(r => r.Caller)]))
            {
                span?.SetTag("model", Model).SetTag("faces", batch.Count).SetTag("provider", _embedder.Provider.ToString());
                long started = Stopwatch.GetTimestamp();
                _embedder.Embed([.. batch.Select(r => r.Crop)], vectors);
                GrainMetrics.Embedded(Model, batch.Count, Stopwatch.GetElapsedTime(started));
            }
            for (int i = 0; i < batch.Count; i++)
                batch[i].Result.TrySetResult(Embedding.Normalise(vectors.Slice(i * Embedding.Dimension, Embedding.Dimension)));
        }
#pragma warning disable CA1031 // whatever the network throws belongs to the callers of this batch
        catch (Exception e)
#pragma warning restore CA1031
        {
            foreach (Request request in batch)
                request.Result.TrySetException(new FaceSearchException(ProblemTypes.Internal, 500, $"The embedder failed ({e.GetType().Name})."));
        }
    }
}
