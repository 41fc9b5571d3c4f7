using FaceSearch.Grains.Identification;
using FaceSearch.Grains.Placement;
using FaceSearch.Vision;
using Orleans.Concurrency;

namespace FaceSearch.Grains.Embedders;

/// <summary>One model's embedder of this silo: one activation, reentrant, in front of its <see cref="EmbedderBatcher"/>.</summary>
[StatelessWorker(1), Reentrant, GpuFirst]
public sealed class EmbedderGrain(EmbedderPool pool, LiveLatencies latencies, TimeProvider time) : Grain, IEmbedderGrain
{
    private const int MaxCrops = 256;

    public async Task<IReadOnlyList<FaceSearch.Embedding>> EmbedAsync(IReadOnlyList<FaceCrop> crops, DateTimeOffset? deadlineAt, CancellationToken cancellationToken)
    {
        string model = this.GetPrimaryKeyString();
        if (crops.Count is 0 or > MaxCrops)
            throw FaceSearchException.Invalid($"1 to {MaxCrops} crops at once; got {crops.Count}.");
        long started = time.GetTimestamp();
        EmbedderBatcher batcher = await FindAsync(model);
        Task<FaceSearch.Embedding>[] embedding = new Task<FaceSearch.Embedding>[crops.Count];
        for (int i = 0; i < embedding.Length; i++)
            embedding[i] = batcher.EmbedAsync(new AlignedFace(crops[i].Size, crops[i].Rgb), deadlineAt, cancellationToken);
        FaceSearch.Embedding[] embedded = await Task.WhenAll(embedding).WaitAsync(cancellationToken);
        if (embedded.Length == 1)
            latencies.Embedding.Record(time.GetElapsedTime(started));
        return embedded;
    }

    private async ValueTask<EmbedderBatcher> FindAsync(string model)
    {
        try
        {
            if (await pool.GetAsync(model) is { } batcher)
                return batcher;
        }
        catch (ModelException e)
        {
            throw new FaceSearchException(ProblemTypes.ModelNotInstalled, 503, $"Embedder '{model}' does not load: {e.Message}");
        }
        throw new FaceSearchException(ProblemTypes.ModelNotInstalled, 503, $"Embedder '{model}' is not installed on this server. Run 'facesearch models pull {model}', or set FACESEARCH_MODELS to a folder that has it; no restart is needed.");
    }
}
