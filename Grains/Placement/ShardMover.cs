using FaceSearch.Grains.Shards;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime.Placement;

namespace FaceSearch.Grains.Placement;

/// <summary>
/// Moves this silo's shards, one after the other, to where they are seated once the cluster has been the same for
/// <see cref="ShardOptions.MoveAfter"/>. A move closes the shard here and opens it there from its snapshot and log, under a new epoch;
/// searches wait or ask again meanwhile. Orleans' own rebalancer counts activations and moves their memory; a shard is too large for
/// the one and too different in size for the other.
/// </summary>
internal sealed partial class ShardMover(
    OpenShards shards, ShardSeats seats, ISiloStatusOracle silos, IGrainFactory grains, IOptions<ShardOptions> options, TimeProvider time, ILogger<ShardMover> logger) : BackgroundService
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1), Opening = TimeSpan.FromMinutes(2);

    private SiloAddress[] _known = [];
    private long _since;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Value.MoveAfter == TimeSpan.Zero)
            return;
        using PeriodicTimer timer = new(Look, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await MoveOneAsync(stoppingToken);
        }
        catch (OperationCanceledException)
        {
            // The silo stops, and all its shards leave.
        }
    }

    private async Task MoveOneAsync(CancellationToken stopping)
    {
        SiloAddress[] active = [.. silos.GetApproximateSiloStatuses(onlyActive: true).Keys.Order()];
        if (!active.SequenceEqual(_known))
        {
            _known = active;
            _since = time.GetTimestamp();
        }
        if (active.Length < 2 || !active.Contains(silos.SiloAddress) || time.GetElapsedTime(_since) < options.Value.MoveAfter)
            return;
        foreach ((ShardId shard, IGrainContext context) in shards.All)
        {
            SiloAddress seat = seats.Of(shard, active);
            if (seat.Equals(silos.SiloAddress))
                continue;
            LogMoves(shard, seat);
            // Orleans' migration carries nothing but the directory's entry: were the shard only closed, a call that another silo addresses by
            // what it remembers would open it here again.
            context.Migrate(new() { [IPlacementDirector.PlacementHintKey] = seat }, CancellationToken.None);
            await context.Deactivated.WaitAsync(Opening, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await OpenAsync(shard, stopping);
            return;
        }
    }

    /// <summary>Waits until it is open again, so that no more than one shard of a silo is on its way.</summary>
    private async Task OpenAsync(ShardId shard, CancellationToken stopping)
    {
        long started = time.GetTimestamp();
        while (time.GetElapsedTime(started) < Opening)
        {
            try
            {
                if ((await grains.GetGrain<IGalleryShardGrain>(shard.ToString()).GetStatusAsync().WaitAsync(stopping)).State != "loading")
                    return;
            }
            catch (Exception e) when (Transient.Is(e) || e is TimeoutException)
            {
                LogNotYet(e, shard);
            }
            await Task.Delay(TimeSpan.FromMilliseconds(100), time, stopping);
        }
    }

    [LoggerMessage(LogLevel.Information, "Shard {Shard} moves to {Silo}.")]
    private partial void LogMoves(ShardId shard, SiloAddress silo);

    [LoggerMessage(LogLevel.Debug, "Shard {Shard} is on its way.")]
    private partial void LogNotYet(Exception e, ShardId shard);
}
