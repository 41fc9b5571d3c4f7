using FaceSearch.Vision;
using Orleans.Concurrency;

namespace FaceSearch.Grains.Embedders;

/// <summary>The embedder of this silo: one activation, reentrant, in front of the <see cref="EmbedderBatcher"/>.</summary>
[StatelessWorker(1), Reentrant]
public sealed class EmbedderGrain(InstalledEmbedder installed) : Grain, IEmbedderGrain
{
    private const int MaxCrops = 256;

    public async Task<IReadOnlyList<FaceSearch.Embedding>> EmbedAsync(IReadOnlyList<FaceCrop> crops, CancellationToken cancellationToken)
    {
        string model = this.GetPrimaryKeyString();
        if (installed.Batcher is not { } batcher || batcher.Model != model)
            throw new FaceSearchException(ProblemTypes.ModelNotInstalled, 503, $"Embedder '{model}' is not installed on this server. Run 'facesearch models pull {model}', or set FACESEARCH_MODELS to a folder that has it, and restart.");
        if (crops.Count is 0 or > MaxCrops)
            throw FaceSearchException.Invalid($"1 to {MaxCrops} crops at once; got {crops.Count}.");
        Task<FaceSearch.Embedding>[] embedding = new Task<FaceSearch.Embedding>[crops.Count];
        for (int i = 0; i < embedding.Length; i++)
            embedding[i] = batcher.EmbedAsync(new AlignedFace(crops[i].Size, crops[i].Rgb));
        return await Task.WhenAll(embedding).WaitAsync(cancellationToken);
    }
}

/// <summary>The embedder that this silo has; none where no model is installed.</summary>
/// <param name="Batcher">Its batcher; null for none.</param>
/// <param name="Embedder">The session behind it.</param>
public sealed record InstalledEmbedder(EmbedderBatcher? Batcher, IFaceEmbedder? Embedder) : IDisposable
{
    public void Dispose()
    {
        Batcher?.Dispose();
        Embedder?.Dispose();
    }
}
