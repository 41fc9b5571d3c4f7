using FaceSearch.Grains.Replicas;
using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Shards;
using FaceSearch.Grains.Telemetry;

namespace FaceSearch.Grains.Identification;

/// <summary>
/// Asks a shard, or one of its replicas. A replica is asked where the caller allows it to be behind, where the shard is late
/// (<see cref="Hedging"/>), and where the shard says that it is on its way to another silo; the first valid answer counts and the other
/// request is cancelled.
/// </summary>
public sealed class ShardCalls
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(25), LongestPause = TimeSpan.FromMilliseconds(400);

    private readonly IGrainFactory _grains;
    private readonly ReplicaSeats _seats;
    private readonly Hedging _hedging;
    private readonly TimeProvider _time;
    private uint _turn;

    internal ShardCalls(IGrainFactory grains, ReplicaSeats seats, Hedging hedging, TimeProvider time) => (_grains, _seats, _hedging, _time) = (grains, seats, hedging, time);

    /// <param name="shard">The shard.</param>
    /// <param name="ask">The search.</param>
    /// <param name="wanted">Replicas that the gallery wants.</param>
    /// <param name="consistency">Whether the answer may be behind.</param>
    /// <param name="setback">Is told why a request that is repeated failed.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    internal Task<ShardAnswer> AskAsync(
        ShardId shard, ShardQuery ask, int wanted, ReadConsistency consistency, Action<Exception> setback, CancellationToken cancellationToken)
    {
        int replicas = _seats.Seated(wanted);
        if (replicas <= 0)
            return AskShardAsync(shard, ask, setback, cancellationToken);
        uint turn = Interlocked.Increment(ref _turn);
        int replica = (int)(turn % (uint)replicas);
        bool latest = consistency == ReadConsistency.Latest;
        Task<ShardAnswer> Shard(Action failed, CancellationToken stop) => AskShardAsync(shard, ask, e =>
        {
            setback(e);
            failed();
        }, stop);
        Task<ShardAnswer> Replica(Action failed, CancellationToken stop) => AskReplicaAsync(new ReplicaId(shard, replica), ask, latest, failed, stop);
        return latest || turn / (uint)replicas % (uint)(replicas + 1) == 0
            ? RaceAsync(shard, Shard, Replica, cancellationToken)
            : RaceAsync(shard, Replica, Shard, cancellationToken);
    }

    /// <summary>
    /// Sends the first request; and the second when the first is late and the share of extra requests allows it, or when the first has failed
    /// for the moment, which leaves the one that failed no work to do.
    /// </summary>
    private async Task<ShardAnswer> RaceAsync(ShardId shard, Func<Action, CancellationToken, Task<ShardAnswer>> first,
        Func<Action, CancellationToken, Task<ShardAnswer>> second, CancellationToken cancellationToken)
    {
        TaskCompletionSource failed = new();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        long started = _time.GetTimestamp();
        Task<ShardAnswer> one = first(() => failed.TrySetResult(), stop.Token);
        try
        {
            await Task.WhenAny(one, failed.Task, Task.Delay(_hedging.Begin(shard), _time, stop.Token));
            if (one.IsCompletedSuccessfully || (one.IsCompleted && !failed.Task.IsCompleted))
                return await one;
            bool hedge = !failed.Task.IsCompleted;
            if (hedge && !_hedging.TryTake())
            {
                GrainMetrics.Hedged(shard.Gallery, "refused");
                return await one;
            }
            if (hedge)
                GrainMetrics.Hedged(shard.Gallery, "sent");
            Task<ShardAnswer> two = second(() => { }, stop.Token);
            two.Ignore();
            Task<ShardAnswer> winner = await Task.WhenAny(one, two);
            if (!winner.IsCompletedSuccessfully)
                winner = winner == one ? two : one;
            ShardAnswer answer = await winner;
            if (hedge && winner == two)
                GrainMetrics.Hedged(shard.Gallery, "won");
            return answer;
        }
        finally
        {
            if (!cancellationToken.IsCancellationRequested && !one.IsFaulted)
                _hedging.Record(shard, _time.GetElapsedTime(started));
            await stop.CancelAsync();
            one.Ignore();
        }
    }

    /// <summary>Asks a shard, again and again while it is on its way to another silo. A search changes nothing, so repeating it is safe.</summary>
    private async Task<ShardAnswer> AskShardAsync(ShardId shard, ShardQuery ask, Action<Exception> failed, CancellationToken cancellationToken)
    {
        for (TimeSpan pause = FirstPause; ; pause = pause < LongestPause ? 2 * pause : pause)
        {
            try
            {
                return await _grains.GetGrain<IGalleryShardGrain>(shard.ToString()).SearchAsync(ask, cancellationToken);
            }
            catch (Exception e) when (Transient.Is(e) && _time.GetUtcNow() + pause < ask.DeadlineAt)
            {
                failed(e);
            }
            await Task.Delay(pause, _time, cancellationToken);
        }
    }

    /// <summary>
    /// Replicas are not told of a new gallery view, so for an answer that must miss nothing the gallery's own word counts, asked for after the
    /// search began.
    /// </summary>
    private async Task<ShardAnswer> AskReplicaAsync(ReplicaId replica, ShardQuery ask, bool latest, Action failed, CancellationToken cancellationToken)
    {
        try
        {
            Task<ShardAnswer> answer = _grains.GetGrain<IShardReplicaGrain>(replica.ToString()).SearchAsync(ask, latest, cancellationToken);
            if (!latest)
                return await answer;
            Task<long> version = _grains.GetGrain<IGalleryRoutingGrain>(replica.Shard.Gallery).GetAnnouncedVersionAsync().WaitAsync(cancellationToken);
            await Task.WhenAll(answer, version);
            return answer.Result with { ViewVersion = version.Result };
        }
        catch
        {
            failed();
            throw;
        }
    }
}
