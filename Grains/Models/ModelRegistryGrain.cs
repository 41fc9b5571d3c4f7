using FaceSearch.Evaluation;
using FaceSearch.Grains.Telemetry;
using FaceSearch.Messages;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Grains.Models;

/// <inheritdoc cref="IModelRegistryGrain"/>
[KeepAlive]
public sealed partial class ModelRegistryGrain(
    [PersistentState("models")] IPersistentState<ModelRegistryState> state, IEventPublisher events, TimeProvider time, ILogger<ModelRegistryGrain> logger)
    : Grain, IModelRegistryGrain
{
    private const string Embedder = "embedder";
    private static readonly TimeSpan BrokerLimit = TimeSpan.FromSeconds(10);
    private const int StepsKept = 1_000, LongestReason = 500;

    private List<ModelDescription> Models => state.State.Models;

    public Task<IReadOnlyList<ModelDescription>> ListAsync() =>
        Task.FromResult<IReadOnlyList<ModelDescription>>(Models.OrderByDescending(m => m.RegisteredAt).ToArray());

    public Task<ModelDescription?> FindAsync(string name) => Task.FromResult(Models.Find(m => m.Name == name));

    public Task<ModelDescription?> GetActiveEmbedderAsync() => Task.FromResult(ActiveFor(null));

    public Task<IReadOnlyList<ModelStep>> GetHistoryAsync(string? name) =>
        Task.FromResult<IReadOnlyList<ModelStep>>(state.State.History.Where(s => name is null || s.Model == name).ToArray());

    public async Task<ModelDescription> RegisterAsync(ModelDescription model)
    {
        ModelDescription? known = Models.Find(m => m.Name == model.Name);
        if (known is not null && known.Sha256 != model.Sha256)
            throw new FaceSearchException(ProblemTypes.ModelExists, 409, $"Model '{model.Name}' is registered with another SHA-256: embeddings of the two would not compare. Give the new file a new name.");
        bool first = model.Gallery is null && !Models.Exists(m => m.Kind == model.Kind && m.Status == ModelStatus.Active && m.Gallery is null);
        if (known is null)
        {
            ModelDescription registered = model with { Status = first ? ModelStatus.Active : ModelStatus.Candidate };
            Models.Add(registered);
            Record(model.Name, null, registered.Status, "server", first ? $"The first {model.Kind}." : "Registered.");
        }
        else
        {
            bool measured = known.Evaluation is { CandidatePoints.Count: >= 2 };
            Replace(known with
            {
                Licence = model.Licence,
                Source = model.Source,
                CompatibleWith = model.CompatibleWith,
                Lineage = model.Lineage ?? known.Lineage,
                OperatingPoints = measured || model.OperatingPoints.Count == 0 ? known.OperatingPoints : model.OperatingPoints,
            });
        }
        await SaveAsync();
        return Need(model.Name);
    }

    public async Task<ModelDescription> SetStatusAsync(string name, ModelStatus status, string by)
    {
        ModelDescription model = Need(name);
        if (model.Status == status)
            return model;
        if (model.Kind == Embedder && status == ModelStatus.Active)
            throw Refused($"An embedder becomes active by being promoted: POST /api/v1/models/{name}/promote, or `facesearch models promote {name}`.");
        if (model.Status == ModelStatus.Active)
            throw Refused($"Model '{name}' is the active {model.Kind}. Promote another one, or roll back; then it retires by itself.");
        if (status == ModelStatus.Shadow && model.Kind != Embedder)
            throw Refused("Only an embedder can be in shadow.");
        ModelStatus rivalBecomes = status == ModelStatus.Active ? ModelStatus.Retired : ModelStatus.Candidate;
        if (status is ModelStatus.Active or ModelStatus.Shadow && Models.Find(m => m.Kind == model.Kind && m.Status == status) is { } rival)
            Move(rival, rivalBecomes, by, $"'{name}' takes its place.");
        Move(model, status, by, "Asked for.");
        await SaveAsync();
        return Need(name);
    }

    public async Task<ModelDescription> RecordEvaluationAsync(string name, ModelEvaluation evaluation)
    {
        ModelDescription model = Need(name);
        if (evaluation.CandidateSha256 != model.Sha256)
            throw Refused($"The figures are of a file with SHA-256 {evaluation.CandidateSha256}, but model '{name}' has {model.Sha256}.");
        Replace(model with { Evaluation = evaluation });
        await SaveAsync();
        return Need(name);
    }

    public async Task<PromotionOutcome> PromoteAsync(string name, PromotionWish wish)
    {
        ModelDescription model = Need(name);
        if (model.Kind != Embedder)
            throw Refused($"'{name}' is a {model.Kind}; only embedders are promoted.");
        if (wish.ForceReason is { } force && (string.IsNullOrWhiteSpace(force) || force.Length > LongestReason))
            throw FaceSearchException.Invalid($"A forced promotion needs a reason of 1 to {LongestReason} characters.");
        ModelDescription present = await PresentAsync(model.Gallery) ?? throw Refused("There is no active embedder to compare with.");
        if (present.Name == name)
            return new PromotionOutcome(false, ["It is the active model already."], model, null);
        PromotionVerdict verdict = PromotionEvidence.Judge(model, present, wish.LeastPeople);
        if (!verdict.Promote && wish.ForceReason is null)
        {
            Record(name, model.Status, model.Status, wish.By, "Promotion refused. " + string.Join(' ', verdict.Reasons));
            await SaveAsync();
            return new PromotionOutcome(false, verdict.Reasons.ToArray(), model, null);
        }
        string[] reasons = verdict.Promote ? [.. verdict.Reasons] : [$"Forced: {wish.ForceReason}", .. verdict.Reasons.Select(r => $"Against it stood: {r}")];
        if (model.Evaluation is { CandidatePoints.Count: >= 2 } evaluation)
            Replace(model with { OperatingPoints = evaluation.CandidatePoints });
        await ActivateAsync(name, present, wish.By, string.Join(' ', reasons), forced: !verdict.Promote, isRollback: false);
        return new PromotionOutcome(true, reasons, Need(name), present.Name);
    }

    public async Task<PromotionOutcome> RollBackAsync(string by, string reason, string? gallery)
    {
        ModelDescription present = ActiveFor(gallery) ?? throw Refused(gallery is null ? "There is no active embedder." : $"No model was ever promoted for gallery '{gallery}' alone.");
        if (!state.State.TookOverFrom.TryGetValue(present.Name, out string? before) || Models.Find(m => m.Name == before) is not { } previous)
            throw Refused($"'{present.Name}' took over from no other model: there is nothing to roll back to.");
        await ActivateAsync(previous.Name, present, by, $"Rolled back: {reason}", forced: false, isRollback: true);
        return new PromotionOutcome(true, [$"Rolled back: {reason}"], Need(previous.Name), present.Name);
    }

    public async Task WakeAsync()
    {
        while (state.State.Outbox is [var next, ..])
        {
            try
            {
                if (next.IsRollback)
                    await RollBackGalleriesAsync(next);
                // A broker that is away may never answer; the registry must.
                await events.PublishAsync(new ModelPublished(next.EventId, next.Model, next.Sha256, next.Replaces, next.Gallery, next.At)).WaitAsync(BrokerLimit);
            }
#pragma warning disable CA1031 // whatever the broker throws: the publication stays in the outbox and is tried again
            catch (Exception e)
#pragma warning restore CA1031
            {
                LogUnpublished(e, next.Model);
                return;
            }
            state.State.Outbox.RemoveAt(0);
            await SaveAsync();
            LogPublished(next.Model, next.Replaces);
        }
    }

    /// <summary>Galleries that keep the generation of the earlier model need no re-embedding.</summary>
    private async Task RollBackGalleriesAsync(PendingPublication publication)
    {
        IReadOnlyList<string> galleries = publication.Gallery is { } one ? [one] : await GrainFactory.GetGrain<IGalleryDirectoryGrain>(IGalleryDirectoryGrain.Key).ListAsync();
        foreach (string gallery in galleries)
        {
            IReembeddingGrain reembedding = GrainFactory.GetGrain<IReembeddingGrain>(gallery);
            if (await reembedding.GetAsync() is { Phase: ReembeddingPhase.Active } kept && kept.NewModel == publication.Replaces && kept.OldModel == publication.Model)
                await reembedding.RollbackAsync();
        }
    }

    /// <summary>One record: the statuses, the step and what is to be published.</summary>
    private async Task ActivateAsync(string name, ModelDescription present, string by, string reason, bool forced, bool isRollback)
    {
        ModelDescription model = Need(name);
        string? gallery = isRollback ? present.Gallery : model.Gallery;
        if (ActiveFor(gallery) is { } active && active.Gallery == gallery)
            Move(active, ModelStatus.Retired, by, $"'{name}' is active now.");
        if (gallery is null || model.Gallery == gallery)
            Move(Need(name), ModelStatus.Active, by, reason, forced);
        if (!isRollback)
            state.State.TookOverFrom[name] = present.Name;
        long number = ++state.State.Publications;
        foreach (string replaced in isRollback ? [present.Name] : Family(model, present).ToArray())
            state.State.Outbox.Add(new PendingPublication($"model-published/{number}/{replaced}", name, model.Sha256, replaced, gallery, time.GetUtcNow(), isRollback));
        await SaveAsync();
        LogActive(name, present.Name, by, forced);
        await WakeAsync();
    }

    /// <summary>The model taken over from, and the candidate's other ancestors: galleries that missed an earlier move follow now.</summary>
    private IEnumerable<string> Family(ModelDescription model, ModelDescription present)
    {
        HashSet<string> seen = [model.Name];
        if (seen.Add(present.Name))
            yield return present.Name;
        for (string? parent = model.Lineage?.Parent; parent is not null && seen.Add(parent); parent = Models.Find(m => m.Name == parent)?.Lineage?.Parent)
            yield return parent;
    }

    /// <summary>What a model of that scope has to be better than: a gallery answers with its own model, whatever is active for all.</summary>
    private async Task<ModelDescription?> PresentAsync(string? gallery)
    {
        if (gallery is null)
            return ActiveFor(null);
        GalleryModel used = await GrainFactory.GetGrain<IGalleryGrain>(gallery).GetModelAsync();
        return Models.Find(m => m.Name == used.Model);
    }

    private ModelDescription? ActiveFor(string? gallery) => Models.Find(m => m is { Kind: Embedder, Status: ModelStatus.Active } && m.Gallery == gallery);

    private ModelDescription Need(string name) => Models.Find(m => m.Name == name)
        ?? throw new FaceSearchException(ProblemTypes.ModelNotFound, 404, $"There is no model '{name}'. List the models there are.");

    private void Move(ModelDescription model, ModelStatus to, string by, string reason, bool forced = false)
    {
        Record(model.Name, model.Status, to, by, reason, forced);
        Replace(model with { Status = to });
    }

    private void Replace(ModelDescription model) => Models[Models.FindIndex(m => m.Name == model.Name)] = model;

    private void Record(string model, ModelStatus? from, ModelStatus to, string by, string reason, bool forced = false)
    {
        state.State.History.Add(new ModelStep(time.GetUtcNow(), model, from, to, by, reason, forced));
        if (state.State.History.Count > StepsKept)
            state.State.History.RemoveRange(0, state.State.History.Count - StepsKept);
    }

    private async Task SaveAsync()
    {
        await state.SaveAsync(this);
        GrainMetrics.Outbox("models", "", state.State.Outbox.Count);
    }

    private static FaceSearchException Refused(string message) => new(ProblemTypes.InvalidRequest, 409, message);

    [LoggerMessage(LogLevel.Information, "Model {Model} is active and takes over from {Previous}; asked by {By}, forced: {Forced}.")]
    private partial void LogActive(string model, string previous, string by, bool forced);

    [LoggerMessage(LogLevel.Information, "Model {Model} was published for galleries of {Replaces}.")]
    private partial void LogPublished(string model, string replaces);

    [LoggerMessage(LogLevel.Warning, "The publication of model {Model} could not be handed to the broker; it is tried again.")]
    private partial void LogUnpublished(Exception exception, string model);
}
