using FaceSearch.Storage;

namespace FaceSearch.Silo.Startup;

/// <summary>
/// Makes every gallery's re-embedding go on after a stop, at the start and once a minute: the state of each is stored, and a gallery that
/// has none answers at once. In a cluster any silo's sweep revives the work of one that died.
/// </summary>
internal sealed partial class ReembeddingSweep(IGrainFactory grains, TimeProvider time, ILogger<ReembeddingSweep> logger) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                foreach (string gallery in await grains.GetGrain<IGalleryDirectoryGrain>(IGalleryDirectoryGrain.Key).ListAsync())
                    await grains.GetGrain<IReembeddingGrain>(gallery).ResumeAsync();
            }
            catch (Exception e) when (e is FaceSearchException or StorageException or TimeoutException or OrleansException)
            {
                LogFailed(e);
            }
            await Task.Delay(Every, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The sweep over re-embeddings failed; it is tried again.")]
    private partial void LogFailed(Exception e);
}
