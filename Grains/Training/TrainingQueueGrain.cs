using System.Globalization;
using FaceSearch.Grains.Telemetry;
using FaceSearch.Messages;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FaceSearch.Grains.Training;

/// <summary>A run with what only the queue knows.</summary>
[GenerateSerializer, Alias("fs.QueuedRun")]
public sealed class QueuedRun
{
    [Id(0)] public required TrainingRun Run { get; set; }
    [Id(1)] public required string OperationId { get; set; }
    [Id(2)] public long Token { get; set; }
    [Id(3)] public DateTimeOffset LeaseUntil { get; set; }
}

/// <summary>An event of a run that the broker has not confirmed yet.</summary>
/// <param name="EventId">Of the message.</param>
/// <param name="Run">The run as it was then.</param>
/// <param name="At">When it happened.</param>
[GenerateSerializer, Immutable, Alias("fs.PendingTrainingEvent")]
public sealed record PendingTrainingEvent([property: Id(0)] string EventId, [property: Id(1)] TrainingRun Run, [property: Id(2)] DateTimeOffset At);

/// <summary>The queue's stored state.</summary>
[GenerateSerializer, Alias("fs.TrainingQueueState")]
public sealed class TrainingQueueState
{
    /// <summary>Oldest first.</summary>
    [Id(0)] public List<QueuedRun> Runs { get; set; } = [];

    [Id(1)] public long LastNumber { get; set; }

    /// <summary>The newest fencing token of all runs.</summary>
    [Id(2)] public long LastToken { get; set; }

    /// <summary>Changed together with <see cref="Runs"/>: what happened and what is yet to be told never part.</summary>
    [Id(3)] public List<PendingTrainingEvent> Outbox { get; set; } = [];
}

/// <inheritdoc cref="ITrainingQueueGrain"/>
[KeepAlive]
public sealed partial class TrainingQueueGrain(
    [PersistentState("training")] IPersistentState<TrainingQueueState> state, IEventPublisher events, IOptions<TrainingQueueOptions> options, TimeProvider time,
    ILogger<TrainingQueueGrain> logger)
    : Grain, ITrainingQueueGrain
{
    private TrainingSources _sources = null!;

    private List<QueuedRun> Runs => state.State.Runs;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _sources = new TrainingSources(GrainFactory);
        // Nobody could be heard while this was away: every worker gets a whole lease to be heard again.
        foreach (QueuedRun run in Runs.Where(r => r.Run.State == TrainingRunState.Running))
            run.LeaseUntil = time.GetUtcNow() + options.Value.Lease;
        Count();
        return Task.CompletedTask;
    }

    public async Task<TrainingRun> RequestAsync(TrainingRequest plan, string requestedBy, string operationId, string? schedule)
    {
        if (Runs.Find(r => r.OperationId == operationId) is { } repeated)
            return repeated.Run;
        TrainingRules.Check(plan);
        await _sources.GalleriesAsync(plan);
        await _sources.BaseModelAsync(plan);
        if (Runs.Count(r => r.Run.State == TrainingRunState.Queued) >= options.Value.MostWaiting)
            throw new FaceSearchException(ProblemTypes.Overloaded, 429, $"{options.Value.MostWaiting} training runs wait already. Start a worker (trainingjob work), or cancel some.", TimeSpan.FromMinutes(1));
        DateTimeOffset now = time.GetUtcNow();
        string id = string.Create(CultureInfo.InvariantCulture, $"run-{now:yyyyMMdd}-{++state.State.LastNumber:d4}");
        TrainingRun run = new(id, plan, schedule, requestedBy, now, TrainingRunState.Queued, 0, null, null, null, null, null, false, null);
        Runs.Add(new QueuedRun { Run = run, OperationId = operationId });
        Forget();
        state.State.Outbox.Add(new PendingTrainingEvent($"training-requested/{id}", run, now));
        await SaveAsync();
        PublishSoon();
        LogRequested(id, requestedBy);
        return run;
    }

    public Task<IReadOnlyList<TrainingRun>> ListAsync(int limit)
    {
        if (limit is < 1 or > 1000)
            throw FaceSearchException.Invalid($"limit must be 1 to 1000; got {limit}.");
        return Task.FromResult<IReadOnlyList<TrainingRun>>(Enumerable.Reverse(Runs).Take(limit).Select(r => r.Run).ToArray());
    }

    public Task<TrainingRun> GetAsync(string run) => Task.FromResult(Need(run).Run);

    public async Task<TrainingRun> CancelAsync(string run)
    {
        QueuedRun queued = Need(run);
        if (queued.Run.State is TrainingRunState.Queued or TrainingRunState.Running)
            await EndAsync(queued, TrainingRunState.Cancelled, "Cancelled.");
        return queued.Run;
    }

    public async Task<TrainingLease?> ClaimAsync(string worker)
    {
        if (worker.Length is 0 or > 128 || worker.Any(char.IsControl))
            throw FaceSearchException.Invalid("A worker's name is 1 to 128 characters without control characters.");
        foreach (QueuedRun queued in Runs.Where(IsFree).ToArray())
        {
            if (queued.Run.Attempts >= options.Value.MostAttempts)
            {
                await EndAsync(queued, TrainingRunState.Failed, $"Given up after {queued.Run.Attempts} attempts. {queued.Run.Outcome ?? "The last worker fell silent."}");
                continue;
            }
            if (await LeaseAsync(queued, worker) is { } lease)
                return lease;
        }
        return null;
    }

    public async Task<TrainingBeat> HeartbeatAsync(string run, long token, TrainingRunProgress progress)
    {
        QueuedRun queued = Need(run);
        if (queued.Run.State == TrainingRunState.Cancelled && queued.Token == token)
            return new TrainingBeat(true);
        Guard(queued, token);
        queued.LeaseUntil = time.GetUtcNow() + options.Value.Lease;
        queued.Run = queued.Run with { Progress = progress };
        await SaveAsync();
        return new TrainingBeat(false);
    }

    public async Task<TrainingRun> CompleteAsync(string run, long token, TrainingEnd end)
    {
        QueuedRun queued = Need(run);
        if (queued.Token == token && queued.Run.State is TrainingRunState.Completed or TrainingRunState.Failed)
            return queued.Run;
        Guard(queued, token);
        if (end.Model is null)
        {
            await EndAsync(queued, TrainingRunState.Failed, end.Outcome);
            return queued.Run;
        }
        (bool promoted, string outcome) = queued.Run.Plan.Promote ? await PromoteAsync(queued.Run, end.Model) : (false, "It stays a candidate, as was asked.");
        queued.Run = queued.Run with { Model = end.Model, Promoted = promoted };
        await EndAsync(queued, TrainingRunState.Completed, $"{end.Outcome} {outcome}");
        return queued.Run;
    }

    public async Task<TrainingRun> ReleaseAsync(string run, long token, string reason)
    {
        QueuedRun queued = Need(run);
        Guard(queued, token);
        if (queued.Run.Attempts >= options.Value.MostAttempts)
        {
            await EndAsync(queued, TrainingRunState.Failed, $"Given up after {queued.Run.Attempts} attempts. {reason}");
            return queued.Run;
        }
        queued.Run = queued.Run with { State = TrainingRunState.Queued, Outcome = reason };
        await SaveAsync();
        LogReleased(run, reason);
        return queued.Run;
    }

    public async Task WakeAsync()
    {
        while (state.State.Outbox is [var next, ..])
        {
            try
            {
                await (next.Run.FinishedAt is null
                    ? events.PublishAsync(new TrainingRequested(next.EventId, next.Run.Id, next.Run.RequestedBy, next.Run.Schedule, next.At))
                    : events.PublishAsync(new TrainingFinished(next.EventId, next.Run.Id, next.Run.State.ToString().ToLowerInvariant(), next.Run.Model, next.Run.Promoted, next.At)));
            }
#pragma warning disable CA1031 // whatever the broker throws: the event stays in the outbox and is tried again
            catch (Exception e)
#pragma warning restore CA1031
            {
                LogUnpublished(next.EventId, e.GetType().Name);
                return;
            }
            state.State.Outbox.RemoveAt(0);
            await SaveAsync();
        }
    }

    /// <summary>In a turn of its own: nobody waits for the broker.</summary>
    private void PublishSoon() => this.AsReference<ITrainingQueueGrain>().WakeAsync().Ignore();

    private async Task<(bool Promoted, string Outcome)> PromoteAsync(TrainingRun run, string model)
    {
        IModelRegistryGrain registry = GrainFactory.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key);
        // Again after a crash between promotion and the end of the run: then it is the active one by now.
        if (await registry.FindAsync(model) is { Status: ModelStatus.Active })
            return (true, "Promoted.");
        PromotionOutcome outcome = await registry.PromoteAsync(model, new PromotionWish(run.Id, null, run.Plan.LeastPeople));
        return (outcome.Promoted, $"{(outcome.Promoted ? "Promoted." : "Not promoted.")} {string.Join(' ', outcome.Reasons)}");
    }

    /// <summary>Null if what the plan names is gone: the run has failed then.</summary>
    private async Task<TrainingLease?> LeaseAsync(QueuedRun queued, string worker)
    {
        IReadOnlyList<GalleryDescription> galleries;
        string? baseModel, present;
        try
        {
            galleries = await _sources.GalleriesAsync(queued.Run.Plan);
            baseModel = await _sources.BaseModelAsync(queued.Run.Plan);
            present = (await _sources.PresentAsync(queued.Run.Plan))?.Name;
        }
        catch (FaceSearchException e) when (e.Status < 500)
        {
            await EndAsync(queued, TrainingRunState.Failed, e.Message);
            return null;
        }
        DateTimeOffset now = time.GetUtcNow();
        queued.Token = ++state.State.LastToken;
        queued.LeaseUntil = now + options.Value.Lease;
        queued.Run = queued.Run with
        {
            State = TrainingRunState.Running,
            Attempts = queued.Run.Attempts + 1,
            Worker = worker,
            StartedAt = queued.Run.StartedAt ?? now,
            Plan = queued.Run.Plan with { CohortKey = queued.Run.Plan.CohortKey ?? galleries.Select(g => g.Settings.CohortKey).FirstOrDefault(k => k is not null) },
        };
        await SaveAsync();
        LogLeased(queued.Run.Id, worker, queued.Run.Attempts);
        return new TrainingLease(queued.Run, queued.Token, options.Value.Lease, galleries.Select(g => g.Id).ToArray(), baseModel, present);
    }

    private bool IsFree(QueuedRun run) =>
        run.Run.State == TrainingRunState.Queued || (run.Run.State == TrainingRunState.Running && run.LeaseUntil <= time.GetUtcNow());

    private static void Guard(QueuedRun queued, long token)
    {
        if (queued.Token != token || queued.Run.State != TrainingRunState.Running)
            throw new FaceSearchException(ProblemTypes.TrainingLeaseLost, 409, $"Training run '{queued.Run.Id}' is no longer this worker's: it is {queued.Run.State.ToString().ToLowerInvariant()}{(queued.Run.Worker is { } other ? $", last with {other}" : "")}.");
    }

    private async Task EndAsync(QueuedRun queued, TrainingRunState end, string outcome)
    {
        DateTimeOffset now = time.GetUtcNow();
        queued.Run = queued.Run with { State = end, FinishedAt = now, Outcome = outcome };
        state.State.Outbox.Add(new PendingTrainingEvent($"training-finished/{queued.Run.Id}", queued.Run, now));
        await SaveAsync();
        PublishSoon();
        LogEnded(queued.Run.Id, end, outcome);
    }

    private QueuedRun Need(string run) => Runs.Find(r => r.Run.Id == run)
        ?? throw new FaceSearchException(ProblemTypes.TrainingNotFound, 404, $"There is no training run '{run}'.");

    private void Forget()
    {
        int over = Runs.Count(r => r.Run.FinishedAt is not null) - options.Value.RunsKept;
        foreach (QueuedRun old in Runs.Where(r => r.Run.FinishedAt is not null).Take(Math.Max(0, over)).ToArray())
            Runs.Remove(old);
    }

    private void Count()
    {
        GrainMetrics.Training(Runs.Select(r => r.Run.State));
        GrainMetrics.Outbox("training", "", state.State.Outbox.Count);
    }

    private async Task SaveAsync()
    {
        await state.SaveAsync(this);
        Count();
    }

    [LoggerMessage(LogLevel.Information, "Training run {Run} was asked for by {By}.")]
    private partial void LogRequested(string run, string by);

    [LoggerMessage(LogLevel.Information, "Training run {Run} was taken up by worker {Worker}, attempt {Attempt}.")]
    private partial void LogLeased(string run, string worker, int attempt);

    [LoggerMessage(LogLevel.Information, "Training run {Run} was given back: {Reason}")]
    private partial void LogReleased(string run, string reason);

    [LoggerMessage(LogLevel.Debug, "Event {Event} was not taken by the broker ({Kind}); it is tried again.")]
    private partial void LogUnpublished(string @event, string kind);

    [LoggerMessage(LogLevel.Information, "Training run {Run} ended as {End}: {Outcome}")]
    private partial void LogEnded(string run, TrainingRunState end, string outcome);
}
