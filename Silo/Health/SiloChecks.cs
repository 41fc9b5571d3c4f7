using FaceSearch.Grains.Embedders;
using FaceSearch.Silo.Hosting;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FaceSearch.Silo.Health;

/// <summary>Whether the data folder can be written and has room.</summary>
internal sealed class StorageCheck(SiloOptions options) : IHealthCheck
{
    private const long Little = 256L << 20;

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        string probe = Path.Combine(options.DataFolder, $".health-{Environment.ProcessId}");
        try
        {
            await File.WriteAllTextAsync(probe, "", cancellationToken);
            File.Delete(probe);
            long free = new DriveInfo(options.DataFolder).AvailableFreeSpace;
            Dictionary<string, object> data = new() { ["freeBytes"] = free };
            return free < Little
                ? HealthCheckResult.Degraded($"Only {free >> 20} MiB are free where the data is kept: enrolments will soon be refused.", null, data)
                : HealthCheckResult.Healthy("SQLite and files", data);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return HealthCheckResult.Unhealthy($"The data folder cannot be written: {e.Message}", e);
        }
    }
}

/// <summary>The embedder and the execution provider that its session really runs on.</summary>
internal sealed class EmbedderCheck(EmbedderPool embedders) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(embedders.Standard is not { } embedder
            ? HealthCheckResult.Degraded("No embedder is installed: images cannot be enrolled or identified, ready embeddings can. Run `facesearch models pull mobilefacenet-128`.")
            : HealthCheckResult.Healthy($"{embedder.Manifest.Name} on {embedder.Provider}", new Dictionary<string, object>
            {
                ["model"] = embedder.Manifest.Name,
                ["provider"] = embedder.Provider.ToString(),
                ["loaded"] = string.Join(", ", embedders.Models),
                ["waiting"] = embedders.Waiting,
            }));
}
