namespace FaceSearch;

/// <summary>Whether a clustering goes on, or how it ended.</summary>
public enum ClusterJobState
{
    /// <summary>Under way.</summary>
    Running,

    /// <summary>Finished: its groups can be read.</summary>
    Done,

    /// <summary>Ended by an error; see <see cref="ClusterJob.Error"/>.</summary>
    Failed,

    /// <summary>Ended by a request, or because the gallery was deleted or its server stopped.</summary>
    Cancelled,
}

/// <summary>What a running clustering does at the moment, in this order.</summary>
public enum ClusterJobStage
{
    /// <summary>Reading the templates of all shards.</summary>
    Gathering,

    /// <summary>Linking them into a search graph; large galleries only.</summary>
    Indexing,

    /// <summary>Searching the neighbours of each template that the last job did not know.</summary>
    Searching,

    /// <summary>Joining groups.</summary>
    Joining,
}

/// <summary>A clustering of a gallery. Kept in memory alone: after a restart of the server there is none, and it is started again.</summary>
/// <param name="State">Whether it goes on, or how it ended.</param>
/// <param name="Stage">What it does; null once it has ended.</param>
/// <param name="Done">How much of the stage is done.</param>
/// <param name="Total">How much there is; while joining an upper bound.</param>
/// <param name="Threshold">Score at which two single templates become a group, over 0 and below 1.</param>
/// <param name="StartedAt">When it was started.</param>
/// <param name="FinishedAt">When it ended; null while it runs.</param>
/// <param name="Templates">Templates gathered.</param>
/// <param name="Reused">Those of them whose neighbours an earlier job of the same threshold had found: they were not searched again.</param>
/// <param name="Groups">Groups of at least two templates, as of its end.</param>
/// <param name="SuspectedDuplicates">Those of them that hold more than one identity.</param>
/// <param name="Error">Why it failed, or null.</param>
[GenerateSerializer, Immutable, Alias("fs.ClusterJob")]
public sealed record ClusterJob(
    [property: Id(0)] ClusterJobState State,
    [property: Id(1)] ClusterJobStage? Stage,
    [property: Id(2)] long Done,
    [property: Id(3)] long Total,
    [property: Id(4)] float Threshold,
    [property: Id(5)] DateTimeOffset StartedAt,
    [property: Id(6)] DateTimeOffset? FinishedAt,
    [property: Id(7)] long Templates,
    [property: Id(8)] long Reused,
    [property: Id(9)] int Groups,
    [property: Id(10)] int SuspectedDuplicates,
    [property: Id(11)] string? Error);

/// <summary>One template of a group, and whose it is.</summary>
[GenerateSerializer, Immutable, Alias("fs.ClusterMember")]
public sealed record ClusterMember([property: Id(0)] string Identity, [property: Id(1)] TemplateId Template);

/// <summary>At least two templates that seem to be of one person.</summary>
/// <param name="Members">Ordered by identity (ordinal), then template.</param>
/// <param name="Identities">The distinct identities, in the same order.</param>
/// <param name="Cohesion">Mean score of all pairs of its templates, as of the clustering.</param>
/// <param name="Duplicates">More than one identity: they look like one person.</param>
[GenerateSerializer, Immutable, Alias("fs.ClusterGroup")]
public sealed record ClusterGroup(
    [property: Id(0)] IReadOnlyList<ClusterMember> Members,
    [property: Id(1)] IReadOnlyList<string> Identities,
    [property: Id(2)] float Cohesion,
    [property: Id(3)] bool Duplicates);

/// <summary>One page of the newest finished clustering's groups, largest first (as of its end).</summary>
/// <param name="Items">The groups, without what has been erased since.</param>
/// <param name="Next">Pass as <c>after</c> for the next page; null at the end.</param>
/// <param name="Threshold">Threshold of that clustering.</param>
/// <param name="FinishedAt">When it ended: later enrolments are not in it.</param>
[GenerateSerializer, Immutable, Alias("fs.ClusterGroupPage")]
public sealed record ClusterGroupPage(
    [property: Id(0)] IReadOnlyList<ClusterGroup> Items,
    [property: Id(1)] string? Next,
    [property: Id(2)] float Threshold,
    [property: Id(3)] DateTimeOffset FinishedAt);

/// <summary>
/// Groups a gallery's templates by person (key: gallery id): finds people who were enrolled twice, and gathers those who were enrolled
/// without a name. One job at a time. All methods throw gallery-not-found where there is no such gallery.
/// </summary>
[Alias("fs.IGalleryClustersGrain")]
public interface IGalleryClustersGrain : IGrainWithStringKey
{
    /// <summary>
    /// Starts a job and returns at once. While a job of the same threshold runs, that one is returned. After a finished one of the
    /// same threshold only templates that are new to it are searched.
    /// </summary>
    /// <param name="threshold">Score at which two single templates become a group, over 0 and below 1; null: 0.52.</param>
    /// <exception cref="FaceSearchException">invalid-request; clustering-running, if a job of another threshold runs.</exception>
    [Alias("Start")] Task<ClusterJob> StartAsync(float? threshold);

    /// <summary>The job that runs, or the last one.</summary>
    /// <exception cref="FaceSearchException">clusters-not-found: none was started since the server was.</exception>
    [Alias("Get")] Task<ClusterJob> GetAsync();

    /// <summary>Groups of the newest finished job, also while another runs. What was erased since never appears.</summary>
    /// <param name="after"><see cref="ClusterGroupPage.Next"/> of the page before; null from the start.</param>
    /// <param name="limit">1 to 1,000.</param>
    /// <param name="onlyDuplicates">Only groups that hold more than one identity.</param>
    /// <exception cref="FaceSearchException">clusters-not-found: none has finished; invalid-request: the page is of an older job.</exception>
    [Alias("Groups")] Task<ClusterGroupPage> GetGroupsAsync(string? after, int limit, bool onlyDuplicates);

    /// <summary>Ends the running job, if there is one, and returns the last one. Earlier groups stay.</summary>
    /// <exception cref="FaceSearchException">clusters-not-found.</exception>
    [Alias("Cancel")] Task<ClusterJob> CancelAsync();
}
