using System.Diagnostics;
using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Placement;
using FaceSearch.Grains.Replicas;
using FaceSearch.Grains.Telemetry;
using FaceSearch.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.Placement;

namespace FaceSearch.Grains.Shards;

/// <summary>
/// Holds one shard open. Reentrant: commits must interleave to share an fsync, and searches run over an immutable view on the
/// search threads. Opening happens in the background (Orleans ends activations that take 30 s); calls wait a little and are then
/// told to come back. A shard that another silo has opened is fenced by storage, and one that could not revalidate its epoch for
/// <see cref="ShardOptions.EpochLease"/> serves no reads.
/// </summary>
[KeepAlive, Immovable, Reentrant, ShardPlacement]
public sealed partial class GalleryShardGrain(
    ITemplateLogProvider logs,
    ISnapshotStore snapshots,
    ICropStore crops,
    IEventPublisher events,
    SearchPool pool,
    OpenShards openShards,
    GalleryRoutes routes,
    ReplicaSeats replicaSeats,
    IOptions<ShardOptions> options,
    TimeProvider time,
    ILogger<GalleryShardGrain> logger) : Grain, IGalleryShardGrain
{
    private readonly CancellationTokenSource _closing = new();
    private readonly ShardOptions _options = options.Value;
    private ShardId _id;
    private Task<Shard>? _open;
    private DateTimeOffset _validatedAt;
    private long _viewVersion;
    private int _layerCap = int.MaxValue;
    private bool _reportedFull;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _id = ShardId.Parse(this.GetPrimaryKeyString());
        _open = OpenAsync();
        openShards.Add(_id, GrainContext);
        this.RegisterGrainTimer(CheckEpochAsync, new GrainTimerCreationOptions(_options.EpochCheck, _options.EpochCheck) { Interleave = true });
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        openShards.Remove(_id, GrainContext);
        await _closing.CancelAsync();
        await CloseAsync();
    }

    public async Task<ShardCommit> CommitAsync(IdentityChange change, IReadOnlyList<ImageToRetain>? images)
    {
        Shard shard = await ReadyAsync();
        CommitResult result = await Guarded(() => shard.CommitAsync(change, images));
        Keeper.Committed(result.Lsn);
        if (shard.Directory.Templates >= _layerCap && !_reportedFull)
        {
            _reportedFull = true;
            GrainFactory.GetGrain<IGalleryRoutingGrain>(_id.Gallery).ShardFullAsync(_id.Generation, _id.Shard).Ignore();
        }
        return new ShardCommit(result, _viewVersion);
    }

    public async Task<ShardErasure> EraseAsync(IdentityChange change)
    {
        Shard shard = await ReadyAsync();
        return await Guarded(() => shard.EraseAsync(change, Keeper.Committed)) with { ViewVersion = _viewVersion };
    }

    public async Task<ShardAnswer> SearchAsync(ShardQuery query, CancellationToken cancellationToken)
    {
        Shard shard = await ReadyAsync(query.DeadlineAt);
        RefuseWhenStale();
        await RefuseUnreachedAsync(shard, query.MinLsn);
        ActivityContext caller = GrainTracing.Here;
        (ShardFinding finding, double microseconds) = await Guarded(() => pool.SearchAsync(_id.Shard, () =>
        {
            using Activity? span = GrainTracing.Start("shard.search", caller);
            span?.SetTag("gallery", _id.Gallery).SetTag("shard", _id.Shard).SetTag("templates", shard.Directory.Templates);
            return shard.Search(query);
        }, query.DeadlineAt, cancellationToken));
        return new ShardAnswer(finding.Candidates, _viewVersion, shard.Directory.Identities, microseconds, finding.StoppedEarly);
    }

    public async Task<ShardClaim> ClaimAsync(string identity, string operationId)
    {
        Shard shard = await ReadyAsync();
        bool has = shard.Directory.TryGet(identity, out _);
        // An expected version that cannot be: the log answers what it knows of the operation and writes nothing.
        CommitResult probe = await Guarded(() => shard.Log.CommitAsync(
            new IdentityChange { OperationId = operationId, Identity = identity, Metadata = NoMetadata.Instance, ExpectedVersion = -1, At = time.GetUtcNow() }).AsTask());
        return new ShardClaim(has, probe.Status is CommitStatus.Replayed or CommitStatus.OperationReused or CommitStatus.Superseded, _viewVersion);
    }

    public async Task<StoredIdentity?> GetIdentityAsync(string identity)
    {
        Shard shard = await ReadyAsync();
        RefuseWhenStale();
        return await Guarded(() => shard.Log.GetIdentityAsync(identity).AsTask());
    }

    public async Task<IReadOnlyList<StoredIdentity>> ListIdentitiesAsync(string? after, int limit)
    {
        Shard shard = await ReadyAsync();
        RefuseWhenStale();
        return await Guarded(() => shard.Log.ListIdentitiesAsync(after, limit).AsTask());
    }

    public async Task<IdentityOutline?[]> GetOutlinesAsync(string[] identities)
    {
        Shard shard = await ReadyAsync();
        RefuseWhenStale();
        return Array.ConvertAll(identities, id => shard.Directory.TryGet(id, out IdentityEntry? entry)
            ? new IdentityOutline(entry.State.Version, entry.State.Metadata, entry.State.Templates)
            : null);
    }

    public async Task<IdentityScore?> ScoreAsync(string identity, Embedding probe, long minLsn)
    {
        Shard shard = await ReadyAsync();
        RefuseWhenStale();
        await RefuseUnreachedAsync(shard, minLsn);
        return await Guarded(() => Task.FromResult(shard.Score(identity, probe)));
    }

    public async Task<ShardStatus> GetStatusAsync()
    {
        if (_open is { IsCompleted: false } opening)
            await ((Task)opening).WaitAsync(_options.LoadWait, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        if (_open is not { IsCompletedSuccessfully: true })
            return new ShardStatus(_id.Shard, _open is { IsFaulted: true } ? "failed" : "loading", 0, 0, 0, 0, 0, "none", 0, _open?.Exception?.InnerException?.Message);
        Shard shard = _open.Result;
        VectorIndex.RecallReport recall = shard.Auditor.Report;
        return new ShardStatus(
            _id.Shard, "ready", shard.Directory.Identities, shard.Directory.Templates, shard.Log.Epoch, shard.Log.Head.Lsn,
            shard.Maintenance.SnapshotLsn, shard.Index.UsesGraph ? "graph" : "exact", 0, shard.Notice,
            recall.Mated > 0 ? recall.RecallMated : null, recall.Replayed > 0 ? recall.RecallAll : null, recall.Replayed);
    }

    public async Task<IReadOnlyList<CalibrationProbe>> SampleAsync(int count, int seed)
    {
        Shard shard = await ReadyAsync();
        return await Guarded(() => Task.Run(() => ShardCalibration.Sample(shard, count, seed)));
    }

    public async Task<float[]> BestImpostorScoresAsync(IReadOnlyList<CalibrationProbe> probes)
    {
        Shard shard = await ReadyAsync();
        return await Guarded(() => ShardCalibration.BestImpostorScoresAsync(shard, probes, pool));
    }

    public async Task<long[]> ListTemplatesAsync(long after, int count)
    {
        Shard shard = await ReadyAsync();
        RefuseWhenStale();
        return await Guarded(() => Task.Run(() => ShardExporter.List(shard, after, count)));
    }

    public async Task<ShardExport> ExportAsync(long[] templates)
    {
        Shard shard = await ReadyAsync();
        RefuseWhenStale();
        return await Guarded(() => Task.Run(() => ShardExporter.Export(shard, templates)));
    }

    public async Task<string?[]> GetOwnersAsync(long[] templates)
    {
        Shard shard = await ReadyAsync();
        RefuseWhenStale();
        return ShardExporter.Owners(shard, templates);
    }

    public Task SetViewVersionAsync(long version)
    {
        _viewVersion = Math.Max(_viewVersion, version);
        return Task.CompletedTask;
    }

    public async Task SnapshotAsync()
    {
        Shard shard = await ReadyAsync();
        await Guarded(async () =>
        {
            await shard.Maintenance.SnapshotAsync();
            return true;
        });
    }

    public async Task DropAsync()
    {
        await _closing.CancelAsync();
        await CloseAsync();
        await Keeper.DropAsync();
        DeactivateOnIdle();
    }

    private void RefuseWhenStale()
    {
        if (time.GetUtcNow() - _validatedAt > _options.EpochLease)
            throw new FaceSearchException(ProblemTypes.ShardUnavailable, 503, $"Shard {_id.Shard} of gallery '{_id.Gallery}' cannot confirm that it still owns its data.", TimeSpan.FromSeconds(1));
    }

    private async Task<T> Guarded<T>(Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (e is StorageException or VectorIndex.IndexFullException or ObjectDisposedException)
        {
            // After a refused or half-applied change memory may lag behind the log: reopen. A full disk or a busy server wrote nothing.
            if (e is not (StorageFullException or StorageBusyException))
                DeactivateOnIdle();
            throw Translate(e);
        }
    }

    private FaceSearchException Translate(Exception e) => e switch
    {
        StorageFullException => new(ProblemTypes.StorageFull, 507, e.Message, TimeSpan.FromSeconds(30)),
        StorageBusyException => new(ProblemTypes.ShardUnavailable, 503, e.Message, TimeSpan.FromSeconds(1)),
        LogPoisonedException => new(ProblemTypes.StorageFailed, 503, e.Message, TimeSpan.FromSeconds(1)),
        CropStoreDamagedException => new(ProblemTypes.StorageFailed, 503, e.Message),
        LogDamagedException => new(ProblemTypes.ShardDamaged, 500, e.Message),
        OperationCanceledException => new(ProblemTypes.ShardUnavailable, 503, $"Shard {_id.Shard} of gallery '{_id.Gallery}' is closing.", TimeSpan.FromSeconds(1)),
        _ => new(ProblemTypes.ShardUnavailable, 503, $"Shard {_id.Shard} of gallery '{_id.Gallery}' is not available now.", TimeSpan.FromSeconds(1)),
    };
}
