using FaceSearch.Grains.Galleries;

namespace FaceSearch.Grains.Replicas;

/// <summary>
/// What a shard does for its replicas: it tells them that it has written, and every now and then that it is there, which starts those that
/// are not. One-way and best effort: a shard waits for no replica. Called from the shard's grain only.
/// </summary>
internal sealed class ReplicaKeeper(ShardId shard, IGrainFactory grains, GalleryRoutes routes, ReplicaSeats seats, TimeProvider time)
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(10), DropTime = TimeSpan.FromSeconds(2);

    private int _wanted;
    private long _settingsOf, _lsn;
    private bool _telling;

    /// <summary>Learns how many there shall be, and starts them.</summary>
    /// <param name="viewVersion">The gallery's version that the shard knows.</param>
    /// <param name="lsn">Where the shard's log is.</param>
    public async Task KeepAsync(long viewVersion, long lsn)
    {
        if (viewVersion > _settingsOf || _settingsOf == 0)
        {
            GalleryView view = (await routes.GetAsync(shard.Gallery, viewVersion)).View;
            (_wanted, _settingsOf) = (view.Settings.Replicas, view.Version);
        }
        if (_wanted > 0)
            Tell(lsn, wake: true);
    }

    /// <summary>The shard has acknowledged a change; replicas hear of it within some milliseconds, of many changes at once.</summary>
    public void Committed(long lsn)
    {
        _lsn = Math.Max(_lsn, lsn);
        if (_wanted == 0 || _telling)
            return;
        _telling = true;
        TellAsync().Ignore();
    }

    /// <summary>Ends the replicas; one that cannot be reached finds the log gone at its next look.</summary>
    public async Task DropAsync()
    {
        int wanted = Interlocked.Exchange(ref _wanted, 0);
        await Task.WhenAll(Enumerable.Range(0, wanted).Select(n => Replica(n).DropAsync())).WaitAsync(DropTime, time)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    private async Task TellAsync()
    {
        try
        {
            for (long told = -1; told < _lsn;)
            {
                told = _lsn;
                Tell(told, wake: false);
                await Task.Delay(Between, time);
            }
        }
        finally
        {
            _telling = false;
        }
    }

    private void Tell(long lsn, bool wake)
    {
        for (int n = seats.Seated(_wanted) - 1; n >= 0; n--)
            Replica(n).NudgeAsync(lsn, wake).Ignore();
    }

    private IShardReplicaGrain Replica(int number) => grains.GetGrain<IShardReplicaGrain>(new ReplicaId(shard, number).ToString());
}
