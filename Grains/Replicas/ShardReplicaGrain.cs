using System.Diagnostics;
using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Shards;
using FaceSearch.Grains.Telemetry;
using FaceSearch.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.Placement;

namespace FaceSearch.Grains.Replicas;

/// <summary>
/// Holds one replica open and follows the shard's log. Whatever it cannot follow any more (another history under the same name, damage,
/// a store that is away for too long) ends the activation: the shard's next word makes another, which loads anew.
/// </summary>
[KeepAlive, Immovable, Reentrant, ReplicaPlacement]
public sealed partial class ShardReplicaGrain : Grain, IShardReplicaGrain
{
    private static readonly TimeSpan SayingSo = TimeSpan.FromMilliseconds(50), ViewEvery = TimeSpan.FromSeconds(3), TryAgain = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _closing = new();
    private readonly ReplicaParts _parts;
    private readonly ReplicaSeats _seats;
    private readonly SearchPool _pool;
    private readonly ReplicaOptions _options;
    private readonly ShardOptions _shards;
    private readonly ILocalSiloDetails _here;
    private readonly TimeProvider _time;
    private readonly ILogger<ShardReplicaGrain> _logger;
    private ReplicaId _id;
    private Task<ShardReplica>? _open;
    private Task? _catchingUp, _next;
    private DateTimeOffset _confirmedAt, _viewAt, _notBefore;
    private long _viewVersion, _reads;
    private SiloAddress[] _known = [];
    private long _knownSince;

    public ShardReplicaGrain(ITemplateLogProvider logs, ISnapshotStore snapshots, ReplicaSeats seats, SearchPool pool, IOptions<ReplicaOptions> options,
        IOptions<ShardOptions> shards, ILocalSiloDetails here, TimeProvider time, ILogger<ShardReplicaGrain> logger)
    {
        _parts = new ReplicaParts(logs, snapshots, shards.Value);
        (_seats, _pool, _options, _shards, _here, _time, _logger) = (seats, pool, options.Value, shards.Value, here, time, logger);
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _id = ReplicaId.Parse(this.GetPrimaryKeyString());
        this.RegisterGrainTimer(PollAsync, new GrainTimerCreationOptions(_options.Poll, _options.Poll) { Interleave = true });
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => CloseAsync();

    public async Task<ShardAnswer> SearchAsync(ShardQuery query, bool latest, CancellationToken cancellationToken)
    {
        ShardReplica replica = await ReadyAsync(query.DeadlineAt).WaitAsync(cancellationToken);
        if (latest || query.MinLsn > replica.Lsn || IsStale)
            await ConfirmAsync(query.DeadlineAt).WaitAsync(cancellationToken);
        if (!latest && _time.GetUtcNow() - _viewAt > _options.MaxStaleness)
            await LookAtGalleryAsync().WaitAsync(cancellationToken);
        if (query.MinLsn > replica.Lsn)
            throw Unavailable("has not got to the change that it was asked for");
        ActivityContext caller = GrainTracing.Here;
        try
        {
            (ShardFinding finding, double microseconds) = await _pool.SearchAsync(_id.Shard.Shard, () =>
            {
                using Activity? span = GrainTracing.Start("replica.search", caller);
                span?.SetTag("gallery", _id.Shard.Gallery).SetTag("shard", _id.Shard.Shard).SetTag("templates", replica.Templates);
                return replica.Search(query);
            }, query.DeadlineAt, cancellationToken);
            _reads++;
            return new ShardAnswer(finding.Candidates, _viewVersion, replica.Identities, microseconds, finding.StoppedEarly, FromReplica: true);
        }
        catch (ObjectDisposedException)
        {
            throw Unavailable("is closing");
        }
    }

    public async Task NudgeAsync(long lsn, bool wake)
    {
        if (!wake && _open is null or { IsFaulted: true })
            return;
        try
        {
            if ((await ReadyAsync(null)).Lsn < lsn)
                await ConfirmAsync(null);
        }
        catch (FaceSearchException e)
        {
            LogLater(e, _id);
        }
    }

    public Task<ReplicaStatus> GetStatusAsync() => Task.FromResult(_open is { IsCompletedSuccessfully: true, Result: var replica }
        ? new ReplicaStatus("ready", replica.Lsn, replica.Identities, replica.Templates, _here.SiloAddress, _reads)
        : new ReplicaStatus(_open is null or { IsFaulted: true } ? "idle" : "loading", 0, 0, 0, _here.SiloAddress, _reads));

    public async Task DropAsync()
    {
        await CloseAsync();
        DeactivateOnIdle();
    }

    private bool IsStale => _time.GetUtcNow() - _confirmedAt > _options.MaxStaleness;

    /// <param name="deadlineAt">"Still loading" is said a little before this; null: at once.</param>
    private async Task<ShardReplica> ReadyAsync(DateTimeOffset? deadlineAt)
    {
        if (_closing.IsCancellationRequested)
            throw Unavailable("is closing");
        if (_open is null or { IsFaulted: true })
        {
            if (_time.GetUtcNow() < _notBefore)
                throw Unavailable("could not be loaded and is tried again later");
            _open = OpenAsync();
        }
        Task<ShardReplica> open = _open;
        if (open.IsCompletedSuccessfully)
            return open.Result;
        TimeSpan patience = (deadlineAt ?? DateTimeOffset.MinValue) - SayingSo - _time.GetUtcNow();
        try
        {
            return await open.WaitAsync(patience < TimeSpan.Zero ? TimeSpan.Zero : patience < _shards.LoadWait ? patience : _shards.LoadWait, _time);
        }
        catch (TimeoutException)
        {
            throw new FaceSearchException(ProblemTypes.ShardLoading, 503, $"A replica of shard {_id.Shard.Shard} of gallery '{_id.Shard.Gallery}' is still loading.", TimeSpan.FromSeconds(1));
        }
    }

    private async Task<ShardReplica> OpenAsync()
    {
        try
        {
            await LookAtGalleryAsync();
            long started = _time.GetTimestamp();
            DateTimeOffset asked = _time.GetUtcNow();
            ShardReplica replica = await Task.Run(() => ShardReplica.OpenAsync(_parts, _id.Shard, _closing.Token)) ?? throw Unavailable("has no log to follow");
            _confirmedAt = asked;
            LogOpened(_id, replica.Identities, replica.Templates, replica.Lsn, _time.GetElapsedTime(started).TotalSeconds);
            return replica;
        }
        catch (Exception e) when (e is not FaceSearchException)
        {
            LogOpenFailed(e, _id);
            if (!Transient.Is(e))
                _notBefore = _time.GetUtcNow() + TryAgain;
            throw Unavailable("could not be loaded");
        }
        catch (FaceSearchException)
        {
            DeactivateOnIdle();
            throw;
        }
    }

    /// <summary>The gallery's version now; ends a replica that it wants no more.</summary>
    private async Task LookAtGalleryAsync()
    {
        DateTimeOffset asked = _time.GetUtcNow();
        GalleryView? view = (await GrainFactory.GetGrain<IGalleryRoutingGrain>(_id.Shard.Gallery).GetViewAsync())?.Of(_id.Shard.Generation);
        if (view is null || _id.Shard.Shard >= view.Map.ShardCount || _id.Number >= view.Settings.Replicas)
        {
            DeactivateOnIdle();
            throw Unavailable("is not wanted any more");
        }
        (_viewVersion, _viewAt) = (Math.Max(_viewVersion, view.Version), asked);
    }

    /// <summary>
    /// Returns when the replica has all that the log had at a moment after this call. One reading of the log at a time; those who come during
    /// one share the next.
    /// </summary>
    private async Task ConfirmAsync(DateTimeOffset? deadlineAt)
    {
        // A next one that is there has not begun yet, whether or not the one before it is over.
        Task mine = _next ?? (_catchingUp is { IsCompleted: false } running ? _next = AfterAsync(running) : _catchingUp = CatchUpAsync());
        if (deadlineAt is not { } at)
        {
            await mine;
            return;
        }
        TimeSpan left = at - SayingSo - _time.GetUtcNow();
        try
        {
            await mine.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, _time);
        }
        catch (TimeoutException)
        {
            throw Unavailable("could not confirm in time that it is up to date");
        }
    }

    private async Task AfterAsync(Task running)
    {
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        _next = null;
        await (_catchingUp = CatchUpAsync());
    }

    private async Task CatchUpAsync()
    {
        ShardReplica replica = await ReadyAsync(null);
        DateTimeOffset asked = _time.GetUtcNow();
        try
        {
            if (!await replica.CatchUpAsync(_closing.Token))
            {
                DeactivateOnIdle();
                throw Unavailable("has no log to follow any more");
            }
            _confirmedAt = asked;
        }
        catch (LogDamagedException e)
        {
            LogAnew(e, _id);
            DeactivateOnIdle();
            throw Unavailable("is loaded anew");
        }
        catch (Exception e) when (e is StorageException or OperationCanceledException)
        {
            LogLater(e, _id);
            throw Unavailable("cannot read the log now");
        }
    }

    private async Task PollAsync(CancellationToken cancellationToken)
    {
        if (_open is not { IsCompletedSuccessfully: true } || _closing.IsCancellationRequested)
            return;
        if (_time.GetUtcNow() - _confirmedAt > _options.GiveUp)
        {
            DeactivateOnIdle();
            return;
        }
        try
        {
            if (_catchingUp is not { IsCompleted: false })
                await ConfirmAsync(null);
            if (_time.GetUtcNow() - _viewAt >= ViewEvery)
                await LookAtGalleryAsync();
            LeaveWrongSeat();
        }
        catch (Exception e) when (e is FaceSearchException || Transient.Is(e) || e is TimeoutException)
        {
            LogLater(e, _id);
        }
    }

    /// <summary>As shards do, once the silos have been the same for a while; the shard's next word makes it anew where it belongs.</summary>
    private void LeaveWrongSeat()
    {
        SiloAddress[] active = _seats.Active;
        if (!active.SequenceEqual(_known))
            (_known, _knownSince) = (active, _time.GetTimestamp());
        if (_shards.MoveAfter == TimeSpan.Zero || !active.Contains(_here.SiloAddress) || _time.GetElapsedTime(_knownSince) < _shards.MoveAfter)
            return;
        if (_seats.Seated(_id.Number + 1) <= _id.Number || !_seats.Of(_id, active).Equals(_here.SiloAddress))
            DeactivateOnIdle();
    }

    private async Task CloseAsync()
    {
        if (_closing.IsCancellationRequested)
            return;
        await _closing.CancelAsync();
        foreach (Task? running in (Task?[])[_next, _catchingUp, _open])
        {
            if (running is not null)
                await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
        if (_open is { IsCompletedSuccessfully: true, Result: var replica })
            await replica.DisposeAsync();
    }

    private FaceSearchException Unavailable(string why) =>
        new(ProblemTypes.ShardUnavailable, 503, $"A replica of shard {_id.Shard.Shard} of gallery '{_id.Shard.Gallery}' {why}.", TimeSpan.FromSeconds(1));

    [LoggerMessage(LogLevel.Information, "Replica {Replica} open: {Identities} identities, {Templates} templates, LSN {Lsn}, {Seconds:F2} s.")]
    private partial void LogOpened(ReplicaId replica, long identities, long templates, long lsn, double seconds);

    [LoggerMessage(LogLevel.Warning, "Replica {Replica} did not open.")]
    private partial void LogOpenFailed(Exception e, ReplicaId replica);

    [LoggerMessage(LogLevel.Warning, "Replica {Replica} cannot follow the log from where it is, and is loaded anew.")]
    private partial void LogAnew(Exception e, ReplicaId replica);

    [LoggerMessage(LogLevel.Debug, "Replica {Replica} tries again.")]
    private partial void LogLater(Exception e, ReplicaId replica);
}
