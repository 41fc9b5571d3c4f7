namespace FaceSearch;

/// <summary>How a model is trained; docs/training.md explains each.</summary>
public enum TrainingKind
{
    /// <summary>A small head on a frozen embedder: minutes on a CPU.</summary>
    Head,

    /// <summary>A network learns a teacher's embeddings; no labels needed.</summary>
    Distil,

    /// <summary>A network from random weights.</summary>
    Scratch,

    /// <summary>A network goes on from a checkpoint.</summary>
    FineTune,

    /// <summary>A network whose embeddings compare with an older model's.</summary>
    Compatible,
}

/// <summary>What to train, from whom, and what to do with the result. Exactly one of gallery, family and folder is the source.</summary>
/// <param name="Gallery">A gallery that retains images.</param>
/// <param name="Family">A base model: every gallery that retains images and uses it, or a model made from it.</param>
/// <param name="Folder">A folder on the worker's own disk, one sub-folder a person.</param>
/// <param name="Mode">How.</param>
/// <param name="BaseModel">The model to begin from, to learn from or to stay comparable with; null: the one in use (for a head, the one under its head).</param>
/// <param name="Options">Further options of <c>trainingjob train</c>, by their long names without dashes (<c>epochs</c>, <c>learning-rate</c>).</param>
/// <param name="Seed">Of every random choice.</param>
/// <param name="Promote">Asks for promotion when the candidate has been compared; otherwise it stays a candidate.</param>
/// <param name="LeastPeople">Fewest people outside the training set that a promotion may rest on.</param>
/// <param name="CohortKey">Metadata key that names cohorts; null: the gallery's own.</param>
[GenerateSerializer, Immutable, Alias("fs.TrainingRequest")]
[System.Text.Json.Serialization.JsonUnmappedMemberHandling(System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow)]
public sealed record TrainingRequest(
    [property: Id(0)] string? Gallery = null,
    [property: Id(1)] string? Family = null,
    [property: Id(2)] string? Folder = null,
    [property: Id(3)] TrainingKind Mode = TrainingKind.Head,
    [property: Id(4)] string? BaseModel = null,
    [property: Id(5)] IReadOnlyDictionary<string, string>? Options = null,
    [property: Id(6)] int Seed = 1,
    [property: Id(7)] bool Promote = true,
    [property: Id(8)] int LeastPeople = PromotionWish.DefaultLeastPeople,
    [property: Id(9)] string? CohortKey = null);

/// <summary>Where a run stands.</summary>
public enum TrainingRunState
{
    /// <summary>Waits for a worker.</summary>
    Queued,

    /// <summary>A worker has it.</summary>
    Running,

    /// <summary>A candidate was made; see <see cref="TrainingRun.Promoted"/> and <see cref="TrainingRun.Outcome"/>.</summary>
    Completed,

    /// <summary>It ended without a model.</summary>
    Failed,

    /// <summary>Ended by command.</summary>
    Cancelled,
}

/// <summary>How far a worker is.</summary>
/// <param name="Phase"><c>reading</c>, <c>training</c>, <c>comparing</c>, <c>uploading</c> …</param>
/// <param name="Done">Work done of the phase.</param>
/// <param name="Total">Work of the phase; 0 where it is not known.</param>
/// <param name="Loss">Mean loss lately; null before there is one.</param>
/// <param name="Remaining">Estimated time to the end of the phase.</param>
[GenerateSerializer, Immutable, Alias("fs.TrainingRunProgress")]
public sealed record TrainingRunProgress(
    [property: Id(0)] string Phase,
    [property: Id(1)] long Done,
    [property: Id(2)] long Total,
    [property: Id(3)] double? Loss = null,
    [property: Id(4)] TimeSpan? Remaining = null);

/// <summary>One training run.</summary>
/// <param name="Id">Its id; also the name of its folder on the worker.</param>
/// <param name="Plan">What it does.</param>
/// <param name="Schedule">The schedule that asked for it; null: a person.</param>
/// <param name="RequestedBy">Who asked.</param>
/// <param name="RequestedAt">When.</param>
/// <param name="State">Where it stands.</param>
/// <param name="Attempts">Workers that have taken it up so far.</param>
/// <param name="Worker">The worker that has it, or had it last.</param>
/// <param name="Progress">How far that worker is.</param>
/// <param name="StartedAt">When a worker first took it up.</param>
/// <param name="FinishedAt">When it ended.</param>
/// <param name="Model">The candidate that it made.</param>
/// <param name="Promoted">True if that candidate became the active model.</param>
/// <param name="Outcome">How it ended, in words.</param>
[GenerateSerializer, Immutable, Alias("fs.TrainingRun")]
public sealed record TrainingRun(
    [property: Id(0)] string Id,
    [property: Id(1)] TrainingRequest Plan,
    [property: Id(2)] string? Schedule,
    [property: Id(3)] string RequestedBy,
    [property: Id(4)] DateTimeOffset RequestedAt,
    [property: Id(5)] TrainingRunState State,
    [property: Id(6)] int Attempts,
    [property: Id(7)] string? Worker,
    [property: Id(8)] TrainingRunProgress? Progress,
    [property: Id(9)] DateTimeOffset? StartedAt,
    [property: Id(10)] DateTimeOffset? FinishedAt,
    [property: Id(11)] string? Model,
    [property: Id(12)] bool Promoted,
    [property: Id(13)] string? Outcome);

/// <summary>A worker's right to a run until it has been silent for <paramref name="Length"/>.</summary>
/// <param name="Run">The run.</param>
/// <param name="Token">Fencing token: greater with every lease. What carries an older one is refused.</param>
/// <param name="Length">How long the lease lasts without a heartbeat.</param>
/// <param name="Galleries">The galleries to read, as the plan's gallery or family says now.</param>
/// <param name="BaseModel">The base model, as the plan says now.</param>
/// <param name="PresentModel">The model in use now, which the candidate must be better than.</param>
[GenerateSerializer, Immutable, Alias("fs.TrainingLease")]
public sealed record TrainingLease(
    [property: Id(0)] TrainingRun Run,
    [property: Id(1)] long Token,
    [property: Id(2)] TimeSpan Length,
    [property: Id(3)] IReadOnlyList<string> Galleries,
    [property: Id(4)] string? BaseModel,
    [property: Id(5)] string? PresentModel);

/// <summary>The answer to a heartbeat.</summary>
/// <param name="Cancel">The run was cancelled: stop.</param>
[GenerateSerializer, Immutable, Alias("fs.TrainingBeat")]
public sealed record TrainingBeat([property: Id(0)] bool Cancel);

/// <summary>How a worker's run ended.</summary>
/// <param name="Model">The candidate, registered and compared; null if the run failed and trying again would not help.</param>
/// <param name="Outcome">In words.</param>
[GenerateSerializer, Immutable, Alias("fs.TrainingEnd")]
public sealed record TrainingEnd([property: Id(0)] string? Model, [property: Id(1)] string Outcome);

/// <summary>
/// The singleton queue of training runs (key <see cref="Key"/>). A run has at most one worker: it is leased, the lease is kept by
/// heartbeats, and a silent worker's run goes to the next one, who goes on from its checkpoint.
/// </summary>
[Alias("fs.ITrainingQueueGrain")]
public interface ITrainingQueueGrain : IGrainWithStringKey
{
    public const string Key = "training";

    /// <summary>Queues a run. The same operation id again returns the run that it made.</summary>
    /// <exception cref="FaceSearchException">invalid-request, gallery-not-found, model-not-found, retention-none; overloaded when too many wait.</exception>
    [Alias("Request")] Task<TrainingRun> RequestAsync(TrainingRequest plan, string requestedBy, string operationId, string? schedule = null);

    /// <summary>Newest first.</summary>
    /// <param name="limit">1 to 1,000.</param>
    [Alias("List")] Task<IReadOnlyList<TrainingRun>> ListAsync(int limit);

    /// <exception cref="FaceSearchException">training-not-found.</exception>
    [Alias("Get")] Task<TrainingRun> GetAsync(string run);

    /// <summary>Ends a run, at once if nobody works on it, else at its worker's next heartbeat. Idempotent.</summary>
    /// <exception cref="FaceSearchException">training-not-found.</exception>
    [Alias("Cancel")] Task<TrainingRun> CancelAsync(string run);

    /// <summary>The oldest run that waits or whose worker has fallen silent; null if there is none.</summary>
    /// <param name="worker">The worker's name, for people.</param>
    [Alias("Claim")] Task<TrainingLease?> ClaimAsync(string worker);

    /// <summary>Keeps the lease.</summary>
    /// <exception cref="FaceSearchException">training-lease-lost: another worker has the run, or it has ended; stop.</exception>
    [Alias("Heartbeat")] Task<TrainingBeat> HeartbeatAsync(string run, long token, TrainingRunProgress progress);

    /// <summary>
    /// Ends the run and, if its plan says so, asks the registry to promote the candidate: here, behind the fencing token, so that a
    /// worker that lost its lease can never publish. The same end again is no error.
    /// </summary>
    /// <exception cref="FaceSearchException">training-lease-lost.</exception>
    [Alias("Complete")] Task<TrainingRun> CompleteAsync(string run, long token, TrainingEnd end);

    /// <summary>Gives the run back: a worker that is stopped, or a failure that another attempt may not meet.</summary>
    /// <exception cref="FaceSearchException">training-lease-lost.</exception>
    [Alias("Release")] Task<TrainingRun> ReleaseAsync(string run, long token, string reason);

    /// <summary>Publishes what was stored and not yet confirmed by the broker. Called by the silo's sweep; harmless at any time.</summary>
    [Alias("Wake")] Task WakeAsync();
}

/// <summary>When to train by itself.</summary>
/// <param name="Name">Gallery id, or name of the base model of a family.</param>
/// <param name="Cron">Five fields (minute, hour, day of month, month, day of week), or six with seconds first.</param>
/// <param name="TimeZone">IANA name; null: UTC.</param>
/// <param name="Plan">What to train.</param>
/// <param name="LeastNewIdentities">Skipped unless at least so many identities came since the last run …</param>
/// <param name="LeastNewTemplates">… or at least so many templates.</param>
/// <param name="Enabled">False: kept, and not run.</param>
[GenerateSerializer, Immutable, Alias("fs.TrainingSchedule")]
public sealed record TrainingSchedule(
    [property: Id(0)] string Name,
    [property: Id(1)] string Cron,
    [property: Id(2)] string? TimeZone,
    [property: Id(3)] TrainingRequest Plan,
    [property: Id(4)] int LeastNewIdentities,
    [property: Id(5)] int LeastNewTemplates,
    [property: Id(6)] bool Enabled);

/// <summary>What became of one due time of a schedule.</summary>
/// <param name="Due">The time it was due.</param>
/// <param name="At">When it was looked at.</param>
/// <param name="Run">The run it led to; null if it was skipped.</param>
/// <param name="Skipped">Why it was skipped.</param>
[GenerateSerializer, Immutable, Alias("fs.ScheduleEntry")]
public sealed record ScheduleEntry([property: Id(0)] DateTimeOffset Due, [property: Id(1)] DateTimeOffset At, [property: Id(2)] string? Run, [property: Id(3)] string? Skipped);

/// <summary>A schedule and where it stands.</summary>
/// <param name="Schedule">The schedule.</param>
/// <param name="Next">When it is due next; null if never or not enabled.</param>
/// <param name="IdentitiesAtLastRun">Identities there were when it last led to a run.</param>
/// <param name="TemplatesAtLastRun">Templates likewise.</param>
/// <param name="Recent">Its last due times, newest first.</param>
[GenerateSerializer, Immutable, Alias("fs.ScheduleStatus")]
public sealed record ScheduleStatus(
    [property: Id(0)] TrainingSchedule Schedule,
    [property: Id(1)] DateTimeOffset? Next,
    [property: Id(2)] long IdentitiesAtLastRun,
    [property: Id(3)] long TemplatesAtLastRun,
    [property: Id(4)] IReadOnlyList<ScheduleEntry> Recent);

/// <summary>
/// The singleton that knows when to train (key <see cref="Key"/>). The next due time is stored; whatever wakes it, as often as it
/// likes, only makes it look at the clock.
/// </summary>
[Alias("fs.ITrainingScheduleGrain")]
public interface ITrainingScheduleGrain : IGrainWithStringKey
{
    public const string Key = "schedule";

    /// <summary>Adds or replaces a schedule; its history stays.</summary>
    /// <exception cref="FaceSearchException">invalid-request, gallery-not-found, model-not-found.</exception>
    [Alias("Set")] Task<ScheduleStatus> SetAsync(TrainingSchedule schedule);

    /// <summary>Idempotent.</summary>
    [Alias("Remove")] Task RemoveAsync(string name);

    /// <summary>By name.</summary>
    [Alias("List")] Task<IReadOnlyList<ScheduleStatus>> ListAsync();

    /// <summary>Starts what is due: at most one run a schedule and due time, however often it is called or cut short.</summary>
    [Alias("Wake")] Task WakeAsync();
}
