using System.Globalization;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Grains.Training;

/// <summary>The stored schedules.</summary>
[GenerateSerializer, Alias("fs.TrainingScheduleState")]
public sealed class TrainingScheduleState
{
    [Id(0)] public List<ScheduleStatus> Schedules { get; set; } = [];
}

/// <inheritdoc cref="ITrainingScheduleGrain"/>
[KeepAlive]
public sealed partial class TrainingScheduleGrain(
    [PersistentState("schedules")] IPersistentState<TrainingScheduleState> state, TimeProvider time, ILogger<TrainingScheduleGrain> logger) : Grain, ITrainingScheduleGrain
{
    private const int MostSchedules = 1_000, EntriesKept = 20;

    private TrainingSources _sources = null!;

    private List<ScheduleStatus> Schedules => state.State.Schedules;

    private ITrainingQueueGrain Queue => GrainFactory.GetGrain<ITrainingQueueGrain>(ITrainingQueueGrain.Key);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _sources = new TrainingSources(GrainFactory);
        return Task.CompletedTask;
    }

    public async Task<ScheduleStatus> SetAsync(TrainingSchedule schedule)
    {
        TrainingRules.Check(schedule);
        await _sources.GalleriesAsync(schedule.Plan);
        int at = Schedules.FindIndex(s => s.Schedule.Name == schedule.Name);
        if (at < 0 && Schedules.Count >= MostSchedules)
            throw new FaceSearchException(ProblemTypes.Overloaded, 429, $"There are {MostSchedules} schedules already. Remove some.");
        DateTimeOffset? next = TrainingRules.NextAfter(schedule, time.GetUtcNow());
        ScheduleStatus status = at < 0 ? new ScheduleStatus(schedule, next, 0, 0, []) : Schedules[at] with { Schedule = schedule, Next = next };
        if (at < 0)
            Schedules.Add(status);
        else
            Schedules[at] = status;
        await state.SaveAsync(this);
        return status;
    }

    public async Task RemoveAsync(string name)
    {
        if (Schedules.RemoveAll(s => s.Schedule.Name == name) > 0)
            await state.SaveAsync(this);
    }

    public Task<IReadOnlyList<ScheduleStatus>> ListAsync() =>
        Task.FromResult<IReadOnlyList<ScheduleStatus>>(Schedules.OrderBy(s => s.Schedule.Name, StringComparer.Ordinal).ToArray());

    public async Task WakeAsync()
    {
        DateTimeOffset now = time.GetUtcNow();
        foreach (ScheduleStatus due in Schedules.Where(s => s.Next <= now).ToArray())
        {
            try
            {
                await RunAsync(due, due.Next!.Value);
            }
#pragma warning disable CA1031 // one schedule's trouble (a gallery still loading, storage away) must not keep the others from running; it stays due
            catch (Exception e)
#pragma warning restore CA1031
            {
                LogPostponed(e, due.Schedule.Name);
            }
        }
    }

    /// <summary>
    /// The run first, under an id made of schedule and due time, then the next due time: a crash in between repeats the request,
    /// which the queue recognises. Due times that passed unseen count as one.
    /// </summary>
    private async Task RunAsync(ScheduleStatus status, DateTimeOffset due)
    {
        (long identities, long templates, string? skip) = await LookAsync(status);
        TrainingRun? run = null;
        if (skip is null)
        {
            try
            {
                string operation = string.Create(CultureInfo.InvariantCulture, $"schedule/{status.Schedule.Name}/{due.UtcDateTime:O}");
                run = await Queue.RequestAsync(status.Schedule.Plan, $"schedule {status.Schedule.Name}", operation, status.Schedule.Name);
            }
            catch (FaceSearchException e) when (e.Status < 500)
            {
                skip = e.Message;
            }
        }
        DateTimeOffset now = time.GetUtcNow();
        int at = Schedules.FindIndex(s => s.Schedule.Name == status.Schedule.Name);
        ScheduleEntry[] recent = [new ScheduleEntry(due, now, run?.Id, skip), .. status.Recent.Take(EntriesKept - 1)];
        Schedules[at] = status with
        {
            Next = TrainingRules.NextAfter(status.Schedule, now),
            IdentitiesAtLastRun = run is null ? status.IdentitiesAtLastRun : identities,
            TemplatesAtLastRun = run is null ? status.TemplatesAtLastRun : templates,
            Recent = recent,
        };
        await state.SaveAsync(this);
        LogDue(status.Schedule.Name, due, run?.Id ?? $"skipped: {skip}");
    }

    /// <summary>How much there is to learn from, and why not to.</summary>
    private async Task<(long Identities, long Templates, string? Skip)> LookAsync(ScheduleStatus status)
    {
        if (status.Recent.FirstOrDefault(e => e.Run is not null)?.Run is { } last && await IsUnderWayAsync(last))
            return (0, 0, $"Training run {last} of this schedule is still under way.");
        IReadOnlyList<GalleryDescription> galleries;
        try
        {
            galleries = await _sources.GalleriesAsync(status.Schedule.Plan);
        }
        catch (FaceSearchException e) when (e.Status < 500)
        {
            return (0, 0, e.Message);
        }
        long identities = galleries.Sum(g => g.Identities), templates = galleries.Sum(g => g.Templates);
        long newIdentities = Math.Max(0, identities - status.IdentitiesAtLastRun), newTemplates = Math.Max(0, templates - status.TemplatesAtLastRun);
        bool enough = status.Schedule.Plan.Folder is not null || newIdentities >= status.Schedule.LeastNewIdentities || newTemplates >= status.Schedule.LeastNewTemplates;
        return (identities, templates, enough ? null : string.Create(CultureInfo.InvariantCulture,
            $"Too little is new: {newIdentities} identities and {newTemplates} templates since the last run; {status.Schedule.LeastNewIdentities} or {status.Schedule.LeastNewTemplates} are asked for."));
    }

    private async Task<bool> IsUnderWayAsync(string run)
    {
        try
        {
            return (await Queue.GetAsync(run)).State is TrainingRunState.Queued or TrainingRunState.Running;
        }
        catch (FaceSearchException e) when (e.Type == ProblemTypes.TrainingNotFound)
        {
            return false;
        }
    }

    [LoggerMessage(LogLevel.Information, "Training schedule {Schedule}, due {Due}: {Outcome}")]
    private partial void LogDue(string schedule, DateTimeOffset due, string outcome);

    [LoggerMessage(LogLevel.Warning, "Training schedule {Schedule} could not be looked at; it stays due.")]
    private partial void LogPostponed(Exception exception, string schedule);
}
