using FaceSearch.Evaluation;

namespace FaceSearch.Grains.Galleries;

/// <summary>What is known of a model's impostor scores before a gallery has any of its own.</summary>
internal static class ModelPriors
{
    public static async Task<ImpostorPrior> OfAsync(IGrainFactory grains, string model)
    {
        ModelDescription? known = model == GalleryGrain.ExternalModel ? null : await grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key).FindAsync(model);
        return known is { OperatingPoints.Count: >= 2 }
            ? new ImpostorPrior([.. known.OperatingPoints.Select(p => new Evaluation.OperatingPoint(p.Fmr, p.Score))])
            : ImpostorPrior.ForDimension(Embedding.Dimension);
    }
}
