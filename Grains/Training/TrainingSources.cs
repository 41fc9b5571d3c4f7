namespace FaceSearch.Grains.Training;

/// <summary>Finds the galleries that a plan reads, and how much there is in them.</summary>
internal sealed class TrainingSources(IGrainFactory grains)
{
    private IModelRegistryGrain Registry => grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key);

    /// <summary>The galleries of a plan as they are now; none for a folder.</summary>
    /// <exception cref="FaceSearchException">invalid-request, gallery-not-found, model-not-found, retention-none.</exception>
    public async Task<IReadOnlyList<GalleryDescription>> GalleriesAsync(TrainingRequest plan)
    {
        if (plan.Gallery is { } gallery)
            return [Retaining(await grains.GetGrain<IGalleryGrain>(gallery).DescribeAsync())];
        if (plan.Family is not { } family)
            return [];
        IReadOnlyList<ModelDescription> models = await Registry.ListAsync();
        if (models.All(m => m.Name != family))
            throw new FaceSearchException(ProblemTypes.ModelNotFound, 404, $"There is no model '{family}' to make a family of.");
        List<GalleryDescription> found = [];
        foreach (string id in await grains.GetGrain<IGalleryDirectoryGrain>(IGalleryDirectoryGrain.Key).ListAsync())
        {
            GalleryDescription described = await grains.GetGrain<IGalleryGrain>(id).DescribeAsync();
            if (described.Settings.Retention != Retention.None && IsOf(family, described.Model, models))
                found.Add(described);
        }
        return found.Count > 0 ? found : throw new FaceSearchException(ProblemTypes.RetentionNone, 409, $"No gallery of family '{family}' retains images: there is nobody to learn from.");
    }

    /// <summary>The model that a plan begins from. Heads are never put on heads: a new one goes on the embedder under the present one.</summary>
    public async Task<string?> BaseModelAsync(TrainingRequest plan)
    {
        if (plan.BaseModel is { } named)
            return await Registry.FindAsync(named) is { Kind: "embedder" } ? named : throw new FaceSearchException(ProblemTypes.ModelNotFound, 404, $"There is no embedder '{named}'.");
        ModelDescription? model = await PresentAsync(plan);
        while (plan.Mode == TrainingKind.Head && model?.Lineage is { Mode: TrainingKind.Head, Parent: { } parent } && await Registry.FindAsync(parent) is { } below)
            model = below;
        return model?.Name;
    }

    /// <summary>The model in use where the plan's candidate would be: the gallery's, or the active one.</summary>
    public async Task<ModelDescription?> PresentAsync(TrainingRequest plan) =>
        plan.Gallery is { } gallery && await Registry.FindAsync((await grains.GetGrain<IGalleryGrain>(gallery).GetModelAsync()).Model) is { } used
            ? used
            : await Registry.GetActiveEmbedderAsync();

    private static bool IsOf(string family, string? model, IReadOnlyList<ModelDescription> models)
    {
        for (int steps = 0; model is not null && steps <= models.Count; steps++)
        {
            if (model == family)
                return true;
            model = models.FirstOrDefault(m => m.Name == model)?.Lineage?.Parent;
        }
        return false;
    }

    private static GalleryDescription Retaining(GalleryDescription gallery) => gallery.Settings.Retention != Retention.None
        ? gallery
        : throw new FaceSearchException(ProblemTypes.RetentionNone, 409, $"Gallery '{gallery.Id}' retains no images, as was chosen when it was made: nothing can be learnt from it.");
}
