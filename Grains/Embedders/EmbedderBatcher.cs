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
    private readonly record struct Request(AlignedFace Crop, TaskCompletionSource<Embedding> Result, ActivityContext Caller);

    private readonly IFaceEmbedder _embedder;
    private readonly EmbedderOptions _options;
    private readonly Channel<Request> _queue;
    private readonly Thread[] _threads;

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

    /// <summary>Crops waiting.</summary>
    public int Waiting => _queue.Reader.Count;

    /// <exception cref="FaceSearchException">overloaded, at once, when the queue is full.</exception>
    public Task<Embedding> EmbedAsync(AlignedFace crop)
    {
        Request request = new(crop, new TaskCompletionSource<Embedding>(TaskCreationOptions.RunContinuationsAsynchronously), GrainTracing.Here);
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
