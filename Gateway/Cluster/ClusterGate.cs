using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FaceSearch.Gateway.Cluster;

/// <summary>Answers 503 for everything but health while there is no cluster behind this gateway.</summary>
internal sealed class ClusterGate(RequestDelegate next, ClusterConnection connection)
{
    public Task InvokeAsync(HttpContext context) => connection.IsUp || context.Request.Path.StartsWithSegments("/health", StringComparison.Ordinal)
        ? next(context)
        : throw new FaceSearchException(ProblemTypes.ShardUnavailable, 503, "This gateway has no connection to the cluster at the moment. Nothing was done; try again.", TimeSpan.FromSeconds(2));
}

/// <summary>Whether there is a cluster behind this gateway.</summary>
internal sealed class ClusterCheck(ClusterConnection connection) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(connection.IsUp ? HealthCheckResult.Healthy("Connected") : HealthCheckResult.Unhealthy("No silo is connected; it is tried again and again."));
}
