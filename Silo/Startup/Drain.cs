using FaceSearch.Silo.Hosting;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FaceSearch.Silo.Startup;

/// <summary>
/// The first step of stopping: the process is no longer ready, and goes on serving until load balancers have seen that. Then HTTP stops
/// listening and finishes what it has, then the silo hands its shards over. Nothing acknowledged depends on any of it.
/// </summary>
internal sealed class Drain(SiloOptions options, ClusterOptions cluster) : IHostedLifecycleService, IHealthCheck
{
    /// <summary>How long requests in flight and shards may take to end, after the delay.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private volatile bool _stopping;

    /// <summary>Time between "not ready" and the end of listening: none where no load balancer is told.</summary>
    public static TimeSpan Delay(SiloOptions options, ClusterOptions cluster) => options.DrainDelay
        ?? (options.Role == SiloRole.Silo || cluster.Provider == ClusterProvider.Localhost ? TimeSpan.Zero : TimeSpan.FromSeconds(3));

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        _stopping = true;
        await Task.Delay(Delay(options, cluster), cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_stopping ? HealthCheckResult.Unhealthy("Stopping: send no more requests here.") : HealthCheckResult.Healthy("Running"));

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
