using FaceSearch.Grains.Embedders;
using Microsoft.Extensions.Options;

namespace FaceSearch.Grains.Reembedding;

/// <summary>What a re-embedding needs of its silo.</summary>
public sealed record ReembeddingServices(
    IGrainFactory Grains,
    Storage.ICropStore Crops,
    EmbedderPool Embedders,
    CropFitter Fitter,
    Identification.LiveLatencies Latencies,
    IEventPublisher Events,
    IOptions<ReembeddingOptions> Options,
    TimeProvider Time);
