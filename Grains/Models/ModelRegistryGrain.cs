namespace FaceSearch.Grains.Models;

/// <summary>The registry's stored state.</summary>
[GenerateSerializer, Alias("fs.ModelRegistryState")]
public sealed class ModelRegistryState
{
    [Id(0)] public List<ModelDescription> Models { get; set; } = [];
}

/// <inheritdoc cref="IModelRegistryGrain"/>
[KeepAlive]
public sealed class ModelRegistryGrain([PersistentState("models")] IPersistentState<ModelRegistryState> state) : Grain, IModelRegistryGrain
{
    public Task<IReadOnlyList<ModelDescription>> ListAsync() =>
        Task.FromResult<IReadOnlyList<ModelDescription>>(state.State.Models.OrderByDescending(m => m.RegisteredAt).ToArray());

    public Task<ModelDescription?> FindAsync(string name) => Task.FromResult(state.State.Models.Find(m => m.Name == name));

    public Task<ModelDescription?> GetActiveEmbedderAsync() =>
        Task.FromResult(state.State.Models.Find(m => m is { Kind: "embedder", Status: ModelStatus.Active }));

    public async Task<ModelDescription> RegisterAsync(ModelDescription model)
    {
        int at = state.State.Models.FindIndex(m => m.Name == model.Name);
        ModelDescription? known = at < 0 ? null : state.State.Models[at];
        if (known is not null && known.Sha256 != model.Sha256)
            throw new FaceSearchException(ProblemTypes.InvalidRequest, 409, $"Model '{model.Name}' is registered with another SHA-256: embeddings of the two would not compare. Give the new file a new name.");
        bool first = !state.State.Models.Exists(m => m.Kind == model.Kind && m.Status == ModelStatus.Active);
        ModelDescription registered = known is null
            ? model with { Status = first ? ModelStatus.Active : ModelStatus.Candidate }
            : known with { Licence = model.Licence, Source = model.Source, OperatingPoints = model.OperatingPoints, CompatibleWith = model.CompatibleWith };
        if (at < 0)
            state.State.Models.Add(registered);
        else
            state.State.Models[at] = registered;
        await state.WriteStateAsync();
        return registered;
    }

    public async Task<ModelDescription> SetStatusAsync(string name, ModelStatus status)
    {
        ModelDescription model = state.State.Models.Find(m => m.Name == name)
            ?? throw new FaceSearchException(ProblemTypes.ModelNotFound, 404, $"There is no model '{name}'.");
        if (!IsAllowed(model.Status, status))
            throw new FaceSearchException(ProblemTypes.InvalidRequest, 409, $"Model '{name}' is {model.Status}; it cannot become {status}. A model goes candidate, shadow, active, retired, and back from retired to active.");
        for (int i = 0; i < state.State.Models.Count; i++)
        {
            ModelDescription other = state.State.Models[i];
            if (other.Name == name)
                state.State.Models[i] = other with { Status = status };
            else if (status == ModelStatus.Active && other.Kind == model.Kind && other.Status == ModelStatus.Active)
                state.State.Models[i] = other with { Status = ModelStatus.Retired };
        }
        await state.WriteStateAsync();
        return model with { Status = status };
    }

    private static bool IsAllowed(ModelStatus from, ModelStatus to) => (from, to) switch
    {
        (ModelStatus.Candidate, ModelStatus.Shadow or ModelStatus.Active or ModelStatus.Retired) => true,
        (ModelStatus.Shadow, ModelStatus.Active or ModelStatus.Retired) => true,
        (ModelStatus.Active, ModelStatus.Retired) => true,
        (ModelStatus.Retired, ModelStatus.Active) => true,
        _ => from == to,
    };
}
