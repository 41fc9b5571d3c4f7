using FaceSearch.Gateway;

namespace FaceSearch.Silo.Startup;

/// <summary>Opens a gateway once its client is connected, unless it listens to other machines and the cluster has no admin key.</summary>
internal sealed class GatewayStart(ClusterConnection connection, IGrainFactory grains, IConfiguration configuration) : IHostedLifecycleService
{
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1);

    public async Task StartedAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await GatewayExposure.EnsureAsync(configuration, grains);
                connection.Open();
                return;
            }
            catch (Exception e) when (Transient.Is(e) || e is TimeoutException)
            {
                await Task.Delay(Again, cancellationToken);
            }
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
