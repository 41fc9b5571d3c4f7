using FaceSearch.Grains.Embedders;
using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Telemetry;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;

namespace FaceSearch.Grains.Reembedding;

/// <summary>
/// Commands and state of a gallery's re-embedding; <see cref="ReembeddingRun"/> does the work, in this grain's turns. Every phase can be
/// begun again from what is stored, so a stopped process loses at most one page. A sweep at the start of every silo, and once a minute,
/// calls <see cref="ResumeAsync"/>.
/// </summary>
[KeepAlive, Reentrant]
public sealed partial class ReembeddingGrain(
    [PersistentState("reembedding")] IPersistentState<ReembeddingState> state,
    ReembeddingServices services,
    ILogger<ReembeddingGrain> logger) : Grain, IReembeddingGrain, IReembeddingEndGrain
{
    private const int EventsRemembered = 32, LargestPage = 1000;

    private readonly SemaphoreSlim _saving = new(1), _commands = new(1);
    private ReembeddingRun? _run;

    private string Gallery => this.GetPrimaryKeyString();

    private ReembeddingOptions Options => services.Options.Value;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        GoOn();
        if (state.State.IsRunning || state.State.Outbox.Count > 0)
            GrainMetrics.Moving(Gallery, state.State);
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_run is { } run)
            await run.StopAsync();
    }

    public Task<ReembeddingStatus> StartAsync(ReembeddingRequest request) => InTurnAsync(async () =>
    {
        if (request.MaxMissingShare is { } share && !(share is >= 0 and <= 1))
            throw FaceSearchException.Invalid($"maxMissingShare must be 0 to 1; got {share}.");
        if (request.KeepFor is { } keep && (keep < TimeSpan.Zero || keep > TimeSpan.FromDays(365)))
            throw FaceSearchException.Invalid($"keepFor must be 0 to 365 days; got {keep}.");
        if (state.State.IsRunning)
        {
            return state.State.NewModel == request.Model && state.State.IsBeforeSwitch
                ? Status()
                : throw new FaceSearchException(ProblemTypes.ReembeddingRunning, 409, state.State.Phase == ReembeddingPhase.Active
                    ? $"Gallery '{Gallery}' still keeps the generation it came from. Retire it, or roll back to it, first."
                    : $"Gallery '{Gallery}' is being moved to '{state.State.NewModel}'. Wait for it, or cancel it.");
        }
        GalleryView view = await ViewAsync();
        bool compatible = await CheckAsync(view, request.Model);
        DateTimeOffset now = services.Time.GetUtcNow();
        state.State = new ReembeddingState
        {
            Phase = ReembeddingPhase.Preparing,
            Request = request,
            OldModel = view.Model,
            OldGeneration = view.Generation,
            Compatible = compatible,
            StartedAt = now,
            ChangedAt = now,
            Events = state.State.Events,
            Outbox = state.State.Outbox,
            ToAnnounce = true,
        };
        Remember(request.EventId);
        await SaveAsync();
        LogStarted(Gallery, view.Model, request.Model);
        GoOn();
        return Status();
    });

    public async Task<bool> OfferAsync(string eventId, string model, string replaces)
    {
        if (state.State.Events.Contains(eventId))
            return state.State.IsRunning && state.State.NewModel == model;
        GalleryView? view = await services.Grains.GetGrain<IGalleryRoutingGrain>(Gallery).GetViewAsync();
        if (view is null || view.Model != replaces || !view.Settings.AutoUpgrade)
            return false;
        try
        {
            return (await StartAsync(new ReembeddingRequest(model, EventId: eventId))).NewModel == model;
        }
        catch (FaceSearchException e) when (e.Type is ProblemTypes.ReembeddingImpossible or ProblemTypes.ReembeddingRunning)
        {
            LogNotFollowed(Gallery, model, e.Message);
            return false;
        }
    }

    public Task<ReembeddingStatus?> GetAsync() => Task.FromResult(state.State.Phase is null ? null : Status());

    public async Task ResumeAsync()
    {
        GoOn();
        await PublishAsync();
    }

    public Task<ReembeddingStatus> CancelAsync() => InTurnAsync(async () =>
    {
        if (state.State.Phase is null)
            throw NotFound();
        if (state.State.IsBeforeSwitch)
            await StopRunAsync();
        if (state.State.Phase is ReembeddingPhase.Active || await IsSwitchedAsync())
        {
            GoOn();
            throw new FaceSearchException(ProblemTypes.ReembeddingRunning, 409, $"Gallery '{Gallery}' answers with the new generation already. Roll it back instead.");
        }
        if (state.State.IsBeforeSwitch)
            await EndAsync(ReembeddingPhase.Cancelled, state.State.NewGeneration, "Cancelled by command.", services.Time.GetUtcNow());
        return Status();
    });

    public Task<ReembeddingStatus> RollbackAsync() => InTurnAsync(async () =>
    {
        if (state.State.Phase != ReembeddingPhase.Active)
            throw NotFound();
        await StopRunAsync();
        ReembeddingState s = state.State;
        await services.Grains.GetGrain<IGalleryGenerationsGrain>(Gallery).SwitchAsync(s.NewGeneration, s.OldGeneration);
        s.Outbox.Add(new PendingActivation($"{Gallery}/{s.NewGeneration}/rollback", s.OldModel, s.OldGeneration, s.NewModel, services.Time.GetUtcNow()));
        await EndAsync(ReembeddingPhase.RolledBack, s.NewGeneration, "Rolled back by command.", services.Time.GetUtcNow() + Options.Grace);
        await PublishAsync();
        LogRolledBack(Gallery, s.NewModel, s.OldModel);
        return Status();
    });

    public Task<ReembeddingStatus> RetireAsync() => InTurnAsync(async () =>
    {
        if (state.State.Phase != ReembeddingPhase.Active)
            throw NotFound();
        await StopRunAsync();
        DateTimeOffset earliest = state.State.ChangedAt + Options.Grace, now = services.Time.GetUtcNow();
        await EndAsync(ReembeddingPhase.Done, state.State.OldGeneration, null, earliest > now ? earliest : now);
        return Status();
    });

    public async Task<MissingTemplatePage> ListMissingAsync(string? after, int limit)
    {
        if (limit is < 1 or > LargestPage)
            throw FaceSearchException.Invalid($"limit must be 1 to {LargestPage}; got {limit}.");
        GalleryView view = await ViewAsync();
        if (view.Other is not { } other || view.Of(other.Generation) is not { } there)
            throw NotFound();
        // What the old generation holds and the new one lacks, whichever of them answers.
        (GalleryView from, GalleryView to) = other.Answers && state.State.NewGeneration == view.Generation ? (there, view) : (view, there);
        (List<(string Identity, TemplateId Template)> missing, string? next) = await GenerationPass.MissingAsync(services.Grains, from, to, after, limit);
        TemplateId[] ids = [.. missing.Select(m => m.Template)];
        HashSet<TemplateId> having = [.. await services.Crops.HavingAsync(Gallery, ids, Storage.ImageKind.Crop)];
        return new MissingTemplatePage(missing.Select(m => new MissingTemplate(m.Identity, m.Template, having.Contains(m.Template) ? "failed" : "without-image")).ToArray(), next);
    }

    public async Task ForgetAsync()
    {
        _run?.Abandon();
        _run = null;
        await _saving.WaitAsync();
        try
        {
            if (state.RecordExists)
                await state.ClearStateAsync();
            state.State = new ReembeddingState();
            GrainMetrics.Forget(Gallery);
        }
        finally
        {
            _saving.Release();
        }
    }

    /// <summary>Enters the phase that erases a generation, after which comes <paramref name="outcome"/>.</summary>
    internal async Task EndAsync(ReembeddingPhase outcome, int doomed, string? reason, DateTimeOffset at)
    {
        ReembeddingState s = state.State;
        (s.Phase, s.Outcome, s.Doomed, s.Reason, s.RetireAt) = (ReembeddingPhase.Retiring, outcome, doomed, reason, at);
        await EnteredAsync();
        GoOn();
    }

    /// <summary>Stores that a phase has been entered, and tells of it.</summary>
    internal async Task EnteredAsync()
    {
        state.State.ChangedAt = services.Time.GetUtcNow();
        state.State.ToAnnounce = true;
        await SaveAsync();
        LogPhase(Gallery, state.State.Phase!.Value, state.State.Reason ?? "");
    }

    internal async Task SaveAsync()
    {
        await _saving.WaitAsync();
        try
        {
            await state.WriteStateAsync();
            GrainMetrics.Moving(Gallery, state.State);
        }
        finally
        {
            _saving.Release();
        }
    }

    internal ReembeddingStatus Status()
    {
        ReembeddingState s = state.State;
        bool backfilling = s.Phase is ReembeddingPhase.Backfilling or ReembeddingPhase.CatchingUp;
        double? speed = backfilling ? _run?.FacesPerSecond : null;
        double? left = s.Phase == ReembeddingPhase.Backfilling && speed is > 0 ? Math.Max(0, s.Total - s.Moved) / speed.Value : null;
        return new ReembeddingStatus(Gallery, s.Phase!.Value, s.OldModel, s.OldGeneration, s.NewModel, s.NewGeneration, s.Compatible, s.Total, s.Moved, s.Copied,
            s.WithoutImage, s.Failed, speed, left, backfilling ? _run?.Throttle ?? 0 : 0, s.Reason, s.Verification, s.StartedAt, s.ChangedAt, s.RetireAt);
    }

    /// <summary>Whether the models are compatible.</summary>
    private async Task<bool> CheckAsync(GalleryView view, string model)
    {
        if (view.Model == GalleryGrain.ExternalModel)
            throw Impossible($"The embeddings of gallery '{Gallery}' are its callers' own: only they can embed anew. Create another gallery and enrol into it.");
        if (view.Model == model)
            throw Impossible($"Gallery '{Gallery}' uses model '{model}' already.");
        ModelDescription description = await services.Grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key).FindAsync(model) is { Kind: "embedder" } known
            ? known
            : throw new FaceSearchException(ProblemTypes.ModelNotFound, 404, $"There is no embedder '{model}'. List the models.");
        bool compatible = description.CompatibleWith == view.Model;
        if (view.Settings.Retention == Retention.None && !compatible)
            throw Impossible($"Gallery '{Gallery}' keeps no images, and the embeddings of '{model}' do not compare with those of '{view.Model}'. It can only move to a compatible model; otherwise create another gallery, and enrol its people again.");
        if (await services.Embedders.GetAsync(model) is null)
            throw new FaceSearchException(ProblemTypes.ModelNotInstalled, 503, $"Embedder '{model}' is not installed on this server. Put it into the models folder; no restart is needed.");
        return compatible;
    }

    /// <summary>The run was stopped between the switch and its being written down.</summary>
    private async Task<bool> IsSwitchedAsync() =>
        state.State.IsBeforeSwitch && state.State.NewGeneration > 0 && (await ViewAsync()).Generation == state.State.NewGeneration;

    private void GoOn()
    {
        if (state.State.IsRunning && _run is not { IsRunning: true })
            _run = new ReembeddingRun(this, Gallery, () => state.State, services, logger);
    }

    private async Task StopRunAsync()
    {
        if (_run is { } run)
            await run.StopAsync();
        _run = null;
    }

    /// <summary>Commands come one after the other, although the grain is reentrant for the sake of its own work.</summary>
    private async Task<T> InTurnAsync<T>(Func<Task<T>> command)
    {
        await _commands.WaitAsync();
        try
        {
            return await command();
        }
        finally
        {
            _commands.Release();
        }
    }

    private void Remember(string? eventId)
    {
        if (eventId is null || state.State.Events.Contains(eventId))
            return;
        state.State.Events.Add(eventId);
        if (state.State.Events.Count > EventsRemembered)
            state.State.Events.RemoveAt(0);
    }

    private async Task<GalleryView> ViewAsync() =>
        await services.Grains.GetGrain<IGalleryRoutingGrain>(Gallery).GetViewAsync() ?? throw FaceSearchException.NoGallery(Gallery);

    private FaceSearchException NotFound() => new(ProblemTypes.ReembeddingNotFound, 404, state.State.Phase is null
        ? $"Gallery '{Gallery}' has never been re-embedded. Start it with POST."
        : $"The re-embedding of gallery '{Gallery}' is {state.State.Phase}: there is no second generation to do that with.");

    private static FaceSearchException Impossible(string message) => new(ProblemTypes.ReembeddingImpossible, 409, message);

    [LoggerMessage(LogLevel.Information, "Gallery {Gallery} is being moved from model {Old} to {New}.")]
    private partial void LogStarted(string gallery, string old, string @new);

    [LoggerMessage(LogLevel.Information, "Re-embedding of gallery {Gallery}: {Phase}. {Reason}")]
    private partial void LogPhase(string gallery, ReembeddingPhase phase, string reason);

    [LoggerMessage(LogLevel.Warning, "Gallery {Gallery} went back from model {New} to {Old}.")]
    private partial void LogRolledBack(string gallery, string @new, string old);

    [LoggerMessage(LogLevel.Warning, "Gallery {Gallery} does not follow to model {Model}: {Why}")]
    private partial void LogNotFollowed(string gallery, string model, string why);
}
