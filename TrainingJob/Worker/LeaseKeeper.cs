using FaceSearch.TrainingJob.Training;

namespace FaceSearch.TrainingJob.Worker;

/// <summary>Why a run's work has to stop.</summary>
public enum LeaseEnd
{
    /// <summary>It has not to.</summary>
    None,

    /// <summary>The run was cancelled.</summary>
    Cancelled,

    /// <summary>Another worker may have the run, or this one could not be heard for too long: it must touch nothing any more.</summary>
    Lost,
}

/// <summary>
/// Keeps a lease by heartbeats, four a lease. It gives up by itself before the lease can have run out elsewhere, so that two workers
/// are never at one run even if the silo is not to be reached.
/// </summary>
public sealed class LeaseKeeper : IAsyncDisposable
{
    private readonly ITrainingQueueGrain _queue;
    private readonly TrainingLease _lease;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationTokenSource _beating = new();
    private readonly Task _loop;
    private volatile TrainingRunProgress _progress = new("reading", 0, 0);

    public LeaseKeeper(ITrainingQueueGrain queue, TrainingLease lease, CancellationToken stopping)
    {
        (_queue, _lease) = (queue, lease);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        _loop = Task.Run(BeatAsync, CancellationToken.None);
    }

    /// <summary>Ends when the work has to stop.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>Why, if it was the lease.</summary>
    public LeaseEnd End { get; private set; }

    /// <summary>What the next heartbeat says.</summary>
    public void Report(TrainingRunProgress progress) => _progress = progress;

    /// <summary>Beats now: before a step that must not be done by a worker that lost its run.</summary>
    /// <exception cref="OperationCanceledException">It has to stop.</exception>
    public async Task EnsureAsync()
    {
        await BeatOnceAsync().ConfigureAwait(false);
        _stop.Token.ThrowIfCancellationRequested();
    }

    public async ValueTask DisposeAsync()
    {
        await _beating.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _beating.Dispose();
        _stop.Dispose();
    }

    private async Task BeatAsync()
    {
        long heard = Environment.TickCount64;
        while (!_beating.IsCancellationRequested && !_stop.IsCancellationRequested)
        {
            try
            {
                await BeatOnceAsync().ConfigureAwait(false);
                heard = Environment.TickCount64;
            }
#pragma warning disable CA1031 // the silo may be away for a while; whether that is too long is decided below
            catch (Exception)
#pragma warning restore CA1031
            {
                if (Environment.TickCount64 - heard > _lease.Length.TotalMilliseconds * 0.75)
                    Stop(LeaseEnd.Lost);
            }
            await Task.Delay(_lease.Length / 4, _beating.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task BeatOnceAsync()
    {
        try
        {
            TrainingBeat beat = await _queue.HeartbeatAsync(_lease.Run.Id, _lease.Token, _progress).WaitAsync(_lease.Length / 4).ConfigureAwait(false);
            if (beat.Cancel)
                Stop(LeaseEnd.Cancelled);
        }
        catch (FaceSearchException e) when (e.Type is ProblemTypes.TrainingLeaseLost or ProblemTypes.TrainingNotFound)
        {
            Stop(LeaseEnd.Lost);
        }
    }

    private void Stop(LeaseEnd end)
    {
        if (End == LeaseEnd.None)
            End = end;
        _stop.Cancel();
    }
}

/// <summary>Tells the lease keeper what the trainer reports.</summary>
internal sealed class LeaseProgress(LeaseKeeper keeper) : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value) => keeper.Report(new TrainingRunProgress(value.Phase, value.Done, value.Total, value.Loss is { } loss && double.IsFinite(loss) ? loss : null, value.Remaining));
}
