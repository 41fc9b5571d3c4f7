using FaceSearch.Grains.Replicas;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Grains.Shards;

/// <summary>A shard and its replicas; and what a read that names a change asks of the shard itself.</summary>
public sealed partial class GalleryShardGrain
{
    private ReplicaKeeper? _keeper;
    private Task _keeping = Task.CompletedTask;

    private ReplicaKeeper Keeper => _keeper ??= new ReplicaKeeper(_id, GrainFactory, routes, replicaSeats, time);

    /// <summary>An activation that has been fenced and does not know it yet may lack the change; one that owns the log has all there are.</summary>
    private async Task RefuseUnreachedAsync(Shard shard, long minLsn)
    {
        if (minLsn <= shard.Log.Head.Lsn)
            return;
        if (await Guarded(() => shard.Log.IsCurrentAsync().AsTask()) && minLsn > shard.Log.Head.Lsn)
            throw FaceSearchException.Invalid("A consistency token names a change that the gallery does not have: it is of another gallery of that name, or the gallery was restored from an older backup.");
        if (minLsn <= shard.Log.Head.Lsn)
            return;
        DeactivateOnIdle();
        throw new FaceSearchException(ProblemTypes.ShardUnavailable, 503, $"Shard {_id.Shard} of gallery '{_id.Gallery}' is on its way to another silo.", TimeSpan.FromSeconds(1));
    }

    private async Task KeepReplicasAsync(Shard shard)
    {
        try
        {
            await Keeper.KeepAsync(_viewVersion, shard.Log.Head.Lsn);
        }
        catch (Exception e) when (e is FaceSearchException || Transient.Is(e) || e is TimeoutException)
        {
            LogReplicasLater(e, _id);
        }
    }

    [LoggerMessage(LogLevel.Debug, "Shard {Shard} tells its replicas later.")]
    private partial void LogReplicasLater(Exception e, ShardId shard);
}
