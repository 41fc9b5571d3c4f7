using System.Globalization;
using System.Reflection;
using FaceSearch.Gateway.OpenApi;
using FaceSearch.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FaceSearch.Gateway.Endpoints;

/// <summary>Liveness, readiness and version: no key needed, and nothing told that needs one.</summary>
internal static class HealthEndpoints
{
    /// <summary>Health checks with this tag decide readiness; the silo adds its own (storage, embedder).</summary>
    public const string ReadyTag = "ready";

    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder group = app.MapGroup("").WithTags("Status").AllowAnonymous();
        group.MapGet("/health/live", Live).WithDoc("live", "Alive?", "200 as long as the process serves requests.");
        group.MapGet("/health/ready", ReadyAsync).Produces<HealthResponse>(503)
            .WithDoc("ready", "Ready?", "200 when requests can be served, 503 with the reason when not. Shows the execution provider that is really in use.");
    }

    public static void MapVersion(this IEndpointRouteBuilder app) =>
        app.MapGet($"{HttpApi.Base}/version", Version).WithTags("Status").AllowAnonymous().WithDoc("version", "Version", "What is running.");

    private static Ok<HealthResponse> Live() => TypedResults.Ok(new HealthResponse("healthy", []));

    private static async Task<JsonHttpResult<HealthResponse>> ReadyAsync(HealthCheckService checks, CancellationToken cancellation)
    {
        HealthReport report = await checks.CheckHealthAsync(check => check.Tags.Contains(ReadyTag), cancellation);
        HealthCheckEntry[] entries = [.. report.Entries.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e =>
            new HealthCheckEntry(e.Key, Name(e.Value.Status), e.Value.Description,
                e.Value.Data.ToDictionary(d => d.Key, d => Convert.ToString(d.Value, CultureInfo.InvariantCulture) ?? "")))];
        return TypedResults.Json(new HealthResponse(Name(report.Status), entries), FaceSearchJson.Default.HealthResponse,
            statusCode: report.Status == HealthStatus.Unhealthy ? 503 : 200);
    }

    private static Ok<VersionResponse> Version()
    {
        Assembly assembly = typeof(HealthEndpoints).Assembly;
        string[] parts = (assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0").Split('+');
        return TypedResults.Ok(new VersionResponse(parts[0], parts.Length > 1 ? parts[1] : null, "1"));
    }

    private static string Name(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => "healthy",
        HealthStatus.Degraded => "degraded",
        _ => "unhealthy",
    };
}
