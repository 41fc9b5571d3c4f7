using FaceSearch.Grains.Galleries;
using FaceSearch.Storage;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Grains.Shards;

/// <summary>How a shard is opened, is known to be still its owner's, and is closed.</summary>
public sealed partial class GalleryShardGrain
{
    private static readonly TimeSpan SayingSo = TimeSpan.FromMilliseconds(50);

    private async Task<Shard> OpenAsync()
    {
        IGalleryRoutingGrain gallery = GrainFactory.GetGrain<IGalleryRoutingGrain>(_id.Gallery);
        GalleryView view = (await gallery.GetViewAsync())?.Of(_id.Generation) ?? throw FaceSearchException.NoGallery(_id.Gallery);
        if (_id.Shard >= view.Map.ShardCount)
            throw FaceSearchException.NoGallery(_id.Gallery);
        // A version that is being announced reached an earlier activation of this shard perhaps, and not this one.
        _viewVersion = Math.Max(_viewVersion, await gallery.GetAnnouncedVersionAsync());
        _layerCap = view.Settings.MaxTemplatesPerShard;
        ShardParts parts = new(logs, snapshots, events, _options, time, logger, new GalleryRoute(view).DecisionThreshold,
            view.Settings.Retention == Retention.None ? null : crops);
        long started = time.GetTimestamp();
        Shard shard = await Task.Run(() => ShardOpener.OpenAsync(parts, _id, _closing.Token));
        _validatedAt = time.GetUtcNow();
        LogOpened(_id, shard.Directory.Identities, shard.Directory.Templates, shard.Log.Epoch, time.GetElapsedTime(started).TotalSeconds);
        return shard;
    }

    /// <param name="deadlineAt">"Still loading" is said a little before this, so that the caller hears it in time.</param>
    private async Task<Shard> ReadyAsync(DateTimeOffset? deadlineAt = null)
    {
        Task<Shard> open = _open!;
        try
        {
            if (open.IsCompletedSuccessfully)
                return open.Result;
            TimeSpan patience = _options.LoadWait;
            if (deadlineAt is { } at && at - SayingSo - time.GetUtcNow() is var left && left < patience)
                patience = left > TimeSpan.Zero ? left : TimeSpan.Zero;
            return await open.WaitAsync(patience, time);
        }
        catch (TimeoutException)
        {
            throw new FaceSearchException(ProblemTypes.ShardLoading, 503, $"Shard {_id.Shard} of gallery '{_id.Gallery}' is still loading.", TimeSpan.FromSeconds(1));
        }
        catch (Exception e) when (e is not FaceSearchException)
        {
            DeactivateOnIdle();
            LogOpenFailed(e, _id);
            throw Translate(e);
        }
        catch (FaceSearchException)
        {
            DeactivateOnIdle();
            throw;
        }
    }

    private async Task CheckEpochAsync(CancellationToken cancellationToken)
    {
        if (_open is not { IsCompletedSuccessfully: true } || _closing.IsCancellationRequested)
            return;
        DateTimeOffset asked = time.GetUtcNow();
        try
        {
            if (await _open.Result.Log.IsCurrentAsync(cancellationToken))
                _validatedAt = asked;
            else
                DeactivateOnIdle();
            // Not waited for: the gallery may be on a silo that is gone, and the next check of the epoch must not be late.
            if (_keeping.IsCompleted)
                _keeping = KeepReplicasAsync(_open.Result);
        }
        catch (StorageException e)
        {
            LogCheckFailed(e, _id);
        }
    }

    private async Task CloseAsync()
    {
        Task<Shard>? open = _open;
        if (open is null)
            return;
        try
        {
            Shard shard = await open;
            await shard.DisposeAsync();
        }
#pragma warning disable CA1031 // an opening that failed has nothing to close, and its error has been reported
        catch (Exception e)
#pragma warning restore CA1031
        {
            LogCloseFailed(e, _id);
        }
        _open = Task.FromException<Shard>(new FaceSearchException(ProblemTypes.ShardUnavailable, 503, $"Shard {_id.Shard} of gallery '{_id.Gallery}' is closing.", TimeSpan.FromSeconds(1)));
    }

    [LoggerMessage(LogLevel.Information, "Shard {Shard} open: {Identities} identities, {Templates} templates, epoch {Epoch}, {Seconds:F2} s.")]
    private partial void LogOpened(ShardId shard, long identities, long templates, long epoch, double seconds);

    [LoggerMessage(LogLevel.Error, "Shard {Shard} did not open.")]
    private partial void LogOpenFailed(Exception e, ShardId shard);

    [LoggerMessage(LogLevel.Warning, "Shard {Shard} could not check its epoch.")]
    private partial void LogCheckFailed(Exception e, ShardId shard);

    [LoggerMessage(LogLevel.Debug, "Shard {Shard} had nothing to close.")]
    private partial void LogCloseFailed(Exception e, ShardId shard);
}
