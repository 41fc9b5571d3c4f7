namespace FaceSearch.Silo.Startup;

/// <summary>
/// Wakes what keeps a due time or an outbox in its stored state: once at the start and then three times a minute. It decides nothing
/// and may be late, doubled or lost; every silo of a cluster may run it, and an Orleans reminder could do the same.
/// </summary>
internal sealed class WakeUp(IGrainFactory grains, TimeProvider time, ILogger<WakeUp> logger) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(20);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using PeriodicTimer timer = new(Every, time);
        do
        {
            await WakeAsync("model registry", () => grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key).WakeAsync());
            await WakeAsync("training queue", () => grains.GetGrain<ITrainingQueueGrain>(ITrainingQueueGrain.Key).WakeAsync());
            await WakeAsync("training schedule", () => grains.GetGrain<ITrainingScheduleGrain>(ITrainingScheduleGrain.Key).WakeAsync());
            await WakeAsync("re-embeddings", ResumeReembeddingsAsync);
        }
        while (await WaitAsync(timer, stoppingToken));
    }

    /// <summary>A gallery without one answers at once; in a cluster this revives the work of a silo that died.</summary>
    private async Task ResumeReembeddingsAsync()
    {
        foreach (string gallery in await grains.GetGrain<IGalleryDirectoryGrain>(IGalleryDirectoryGrain.Key).ListAsync())
            await grains.GetGrain<IReembeddingGrain>(gallery).ResumeAsync();
    }

    private async Task WakeAsync(string what, Func<Task> wake)
    {
        try
        {
            await wake();
        }
#pragma warning disable CA1031 // the next tick tries again, whatever it was
        catch (Exception e)
#pragma warning restore CA1031
        {
            logger.LogWarning(e, "Waking the {What} failed; it is tried again.", what);
        }
    }

    private static async Task<bool> WaitAsync(PeriodicTimer timer, CancellationToken stopping)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stopping);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
