using System.Globalization;
using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Shards;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Placement;

namespace FaceSearch.Grains.Clustering;

/// <summary>What a gallery asks of its clustering; same key and same grain as <see cref="IGalleryClustersGrain"/>.</summary>
[Alias("fs.IClusteringEndGrain")]
public interface IClusteringEndGrain : IGrainWithStringKey
{
    /// <summary>The gallery is being deleted: ends the job, forgets everything and returns when nothing of it is left in memory.</summary>
    [AlwaysInterleave, Alias("Forget")] Task ForgetAsync();
}

/// <summary>
/// Holds a gallery's clustering job and the groups of the last finished one, in memory. The job runs on a low-priority thread of its
/// own. Between jobs no vector is kept, and whoever asks for groups gets only what the shards still hold at that moment.
/// </summary>
[KeepAlive, Immovable]
public sealed partial class GalleryClustersGrain(TimeProvider time, ILogger<GalleryClustersGrain> logger) : Grain, IGalleryClustersGrain, IClusteringEndGrain
{
    private const int LargestPage = 1000;

    private static readonly float DefaultThreshold = new VectorIndex.Clustering.ClusterOptions().Threshold;

    private Running? _running;
    private ClusterJob? _last;
    private Finished? _finished;

    private string Gallery => this.GetPrimaryKeyString();

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => await ForgetAsync();

    public async Task<ClusterJob> StartAsync(float? threshold)
    {
        if (threshold is { } asked && !(asked is > 0 and < 1))
            throw FaceSearchException.Invalid($"threshold must be over 0 and below 1; got {asked}.");
        GalleryView view = await ViewAsync();
        float score = threshold ?? DefaultThreshold;
        if (_running is { } running)
        {
            return running.Job.Threshold == score || threshold is null
                ? running.Job
                : throw new FaceSearchException(ProblemTypes.ClusteringRunning, 409,
                    string.Create(CultureInfo.InvariantCulture, $"A clustering of gallery '{Gallery}' with threshold {running.Job.Threshold} is running. Wait for it, or cancel it."));
        }
        _running = new Running(new ClusterJob(ClusterJobState.Running, ClusterJobStage.Gathering, 0, 0, score, time.GetUtcNow(), null, 0, 0, 0, 0, null));
        _running.Ended = FollowAsync(_running, view, _finished?.Graph);
        return _running.Job;
    }

    public async Task<ClusterJob> GetAsync()
    {
        await ViewAsync();
        return Current();
    }

    public async Task<ClusterGroupPage> GetGroupsAsync(string? after, int limit, bool onlyDuplicates)
    {
        if (limit is < 1 or > LargestPage)
            throw FaceSearchException.Invalid($"limit must be 1 to {LargestPage}; got {limit}.");
        GalleryView view = await ViewAsync();
        Finished finished = _finished ?? throw NotFound(_running is null ? "" : " The running one has not finished yet.");
        int position = finished.Position(after);
        List<ClusterGroup> items = [];
        while (items.Count < limit && position < finished.Groups.Length)
        {
            List<FoundGroup> batch = [];
            int wanted = limit - items.Count;
            for (; position < finished.Groups.Length && batch.Count < wanted; position++)
            {
                if (finished.Groups[position].Duplicates || !onlyDuplicates)
                    batch.Add(finished.Groups[position]);
            }
            items.AddRange((await LivingAsync(view, batch)).Where(g => g.Duplicates || !onlyDuplicates));
        }
        return new ClusterGroupPage(items.ToArray(), position < finished.Groups.Length ? finished.Cursor(position) : null, finished.Job.Threshold, finished.Job.FinishedAt!.Value);
    }

    public async Task<ClusterJob> CancelAsync()
    {
        await ViewAsync();
        if (_running is { } running)
        {
            await running.Stop.CancelAsync();
            await running.Ended;
        }
        return Current();
    }

    public async Task ForgetAsync()
    {
        if (_running is { } running)
        {
            await running.Stop.CancelAsync();
            await running.Ended;
        }
        _last = null;
        _finished = null;
    }

    private async Task<GalleryView> ViewAsync() =>
        await GrainFactory.GetGrain<IGalleryRoutingGrain>(Gallery).GetViewAsync() ?? throw FaceSearchException.NoGallery(Gallery);

    private ClusterJob Current() => _running?.Job ?? _last ?? throw NotFound("");

    private FaceSearchException NotFound(string more) => new(ProblemTypes.ClustersNotFound, 404,
        $"There is no finished clustering of gallery '{Gallery}': results are kept in memory, and none was made since the server started.{more} Start one with POST, and follow it with GET.");

    /// <summary>Runs the job on its own thread; what comes after it runs on the grain again.</summary>
    private async Task FollowAsync(Running running, GalleryView view, ClusterGraph? known)
    {
        ClusterResult? result = null;
        ClusterRun run = new(GrainFactory, view, running.Job.Threshold, known, running.Report, running.Stop.Token);
        ClusterJobState state = ClusterJobState.Failed;
        string? error = null;
        await LowPriority.RunAsync($"clusters-{Gallery}", () =>
        {
            try
            {
                result = run.Execute();
                state = ClusterJobState.Done;
            }
#pragma warning disable CA1031 // the thread's end: whatever it was is told to whoever asks for the job
            catch (Exception) when (running.Stop.IsCancellationRequested)
            {
                state = ClusterJobState.Cancelled;
            }
            catch (Exception e)
#pragma warning restore CA1031
            {
                error = e is FaceSearchException ? e.Message : "The clustering failed; the server's log has the cause.";
                LogFailed(e, Gallery);
            }
        });
        ClusterJob job = running.Job with
        {
            State = state,
            Stage = null,
            FinishedAt = time.GetUtcNow(),
            Templates = run.Templates,
            Reused = run.Reused,
            Groups = result?.Groups.Length ?? 0,
            SuspectedDuplicates = result?.Groups.Count(g => g.Duplicates) ?? 0,
            Error = error,
        };
        if (result is not null)
        {
            job = job with { Done = job.Templates, Total = job.Templates };
            _finished = new Finished(job, result.Groups, result.Graph);
            LogDone(Gallery, job.Templates, job.Reused, job.Groups, job.SuspectedDuplicates, (job.FinishedAt!.Value - job.StartedAt).TotalSeconds);
        }
        _last = job;
        _running = null;
        running.Stop.Dispose();
    }

    /// <summary>The groups without the templates that no shard holds any more; those left with fewer than two are gone.</summary>
    private async Task<List<ClusterGroup>> LivingAsync(GalleryView view, List<FoundGroup> groups)
    {
        long[] templates = [.. groups.SelectMany(g => g.Members).Select(m => m.Template.Value)];
        HashSet<long> living = [];
        if (templates.Length > 0)
        {
            string?[][] owners = await Task.WhenAll(Enumerable.Range(0, view.Map.ShardCount)
                .Select(n => GrainFactory.GetGrain<IGalleryShardGrain>(view.Shard(n).ToString()).GetOwnersAsync(templates)));
            for (int i = 0; i < templates.Length; i++)
            {
                if (owners.Any(shard => shard[i] is not null))
                    living.Add(templates[i]);
            }
        }
        List<ClusterGroup> kept = [];
        foreach (FoundGroup group in groups)
        {
            ClusterMember[] members = Array.FindAll(group.Members, m => living.Contains(m.Template.Value));
            if (members.Length < 2)
                continue;
            string[] identities = [.. members.Select(m => m.Identity).Distinct(StringComparer.Ordinal)];
            kept.Add(new ClusterGroup(members, identities, group.Cohesion, identities.Length > 1));
        }
        return kept;
    }

    [LoggerMessage(LogLevel.Information, "Gallery {Gallery} clustered: {Templates} templates ({Reused} searched before) in {Groups} groups, {Duplicates} of several identities, {Seconds:F1} s.")]
    private partial void LogDone(string gallery, long templates, long reused, int groups, int duplicates, double seconds);

    [LoggerMessage(LogLevel.Error, "The clustering of gallery {Gallery} failed.")]
    private partial void LogFailed(Exception e, string gallery);

    /// <summary>The job that runs; its thread writes <see cref="Job"/>, the grain reads it.</summary>
    private sealed class Running(ClusterJob job)
    {
        private volatile ClusterJob _job = job;

        public ClusterJob Job => _job;

        public CancellationTokenSource Stop { get; } = new();

        public Task Ended { get; set; } = Task.CompletedTask;

        public void Report(ClusterJobStage stage, long done, long total) =>
            _job = _job with { Stage = stage, Done = done, Total = total, Templates = stage == ClusterJobStage.Gathering ? done : _job.Templates };
    }

    /// <summary>The newest finished job. A cursor names the job it belongs to by the moment of its end.</summary>
    private sealed record Finished(ClusterJob Job, FoundGroup[] Groups, ClusterGraph Graph)
    {
        private long Name => Job.FinishedAt!.Value.UtcTicks;

        public string Cursor(int position) => string.Create(CultureInfo.InvariantCulture, $"{Name:x}-{position:x}");

        public int Position(string? cursor)
        {
            if (cursor is null)
                return 0;
            string[] parts = cursor.Split('-');
            if (parts.Length != 2 || !long.TryParse(parts[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long name)
                || !int.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int position) || position < 0)
                throw FaceSearchException.Invalid("after must be the 'next' of a page.");
            return name == Name ? position : throw FaceSearchException.Invalid("The gallery has been clustered anew since that page: begin again without 'after'.");
        }
    }
}
