using System.Collections.Concurrent;
using FaceSearch.Gateway.Problems;

namespace FaceSearch.Gateway.Faces;

/// <summary>
/// Which model a gallery uses and what the model's figures are, remembered for a second: the cluster checks the
/// generation again with every search and enrolment, so a stale answer is refused there, never used.
/// </summary>
internal sealed class Catalogue(IGrainFactory grains, TimeProvider time)
{
    /// <summary>A gallery with this model takes ready embeddings only.</summary>
    public const string ExternalModel = "external";

    private const int MaxRemembered = 4_096;
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, (GalleryModel Model, DateTimeOffset At)> _galleries = new(StringComparer.Ordinal);
    private volatile Remembered? _models;

    private sealed record Remembered(IReadOnlyList<ModelDescription> Models, DateTimeOffset At);

    /// <exception cref="FaceSearchException">gallery-not-found.</exception>
    public async ValueTask<GalleryModel> GalleryModelAsync(string gallery)
    {
        if (_galleries.TryGetValue(gallery, out var known) && time.GetUtcNow() - known.At < Fresh)
            return known.Model;
        GalleryModel model = await grains.GetGrain<IGalleryGrain>(gallery).GetModelAsync();
        if (_galleries.Count >= MaxRemembered)
            _galleries.Clear();
        _galleries[gallery] = (model, time.GetUtcNow());
        return model;
    }

    /// <summary>After a change to the gallery, or an answer that contradicts what is remembered.</summary>
    public void Forget(string gallery) => _galleries.TryRemove(gallery, out _);

    /// <summary>Does something with the gallery's model; once more with what it is now if it has changed since it was remembered.</summary>
    public async Task<T> WithModelAsync<T>(string gallery, Func<GalleryModel, Task<T>> work)
    {
        GalleryModel model = await GalleryModelAsync(gallery);
        try
        {
            return await work(model);
        }
        catch (FaceSearchException e) when (e.Type is ProblemTypes.GenerationMismatch or ProblemTypes.GalleryNotFound)
        {
            Forget(gallery);
            GalleryModel now = await GalleryModelAsync(gallery);
            if (now == model)
                throw;
            return await work(now);
        }
    }

    /// <summary>What a ready embedding is of: the generation that its sender names, or the gallery's first.</summary>
    public static GalleryModel Ready(GalleryModel model, int? generation) => model with { Generation = generation ?? 1 };

    /// <summary>The model of a gallery that embeds images itself.</summary>
    /// <exception cref="ProblemException">The gallery takes ready embeddings only.</exception>
    public static string EmbedderOf(string gallery, GalleryModel model) => model.Model != ExternalModel
        ? model.Model
        : throw ProblemException.Invalid($"Gallery '{gallery}' has the model '{ExternalModel}': it takes ready embeddings only, no images. Install an embedder (`facesearch models pull mobilefacenet-128`) and create a gallery with it.");

    /// <summary>Every model the registry knows.</summary>
    public async ValueTask<IReadOnlyList<ModelDescription>> ModelsAsync()
    {
        if (_models is { } known && time.GetUtcNow() - known.At < Fresh)
            return known.Models;
        IReadOnlyList<ModelDescription> models = await grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key).ListAsync();
        _models = new(models, time.GetUtcNow());
        return models;
    }

    /// <summary>The embedder in shadow as far as is remembered; never asks anybody. What identify remembers is a second old at most.</summary>
    public string? ShadowInMemory => _models?.Models.FirstOrDefault(m => m is { Kind: "embedder", Status: ModelStatus.Shadow })?.Name;

    /// <summary>After a change to the registry.</summary>
    public void ForgetModels() => _models = null;

    /// <summary>The figures of a model; empty if it has none.</summary>
    public async ValueTask<IReadOnlyList<OperatingPoint>> OperatingPointsAsync(string model) =>
        (await ModelsAsync()).FirstOrDefault(m => m.Name == model)?.OperatingPoints ?? [];

    /// <summary>The named embedder, or the active one.</summary>
    /// <exception cref="FaceSearchException">model-not-found, model-not-installed.</exception>
    public async ValueTask<ModelDescription> EmbedderAsync(string? name)
    {
        IReadOnlyList<ModelDescription> models = await ModelsAsync();
        if (name is not null)
        {
            return models.FirstOrDefault(m => m.Name == name && m.Kind == "embedder")
                ?? throw new FaceSearchException(ProblemTypes.ModelNotFound, 404, "There is no embedder of that name. GET /api/v1/models lists those there are.");
        }
        return models.FirstOrDefault(m => m is { Kind: "embedder", Status: ModelStatus.Active })
            ?? throw new FaceSearchException(ProblemTypes.ModelNotInstalled, 503,
                "No embedder is installed. Run `facesearch models pull <name>` (`facesearch models list` shows the names).", TimeSpan.FromSeconds(30));
    }
}
