using FaceSearch.Storage;
using FaceSearch.Storage.Azure;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FaceSearch.Silo.Health;

/// <summary>Whether the storage account answers and lets this silo in.</summary>
internal sealed class AzureCheck(AzureStorageProbe account) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await account.CheckAsync(cancellationToken);
            return HealthCheckResult.Healthy($"Azure storage {account.Place}");
        }
        catch (StorageException e)
        {
            return HealthCheckResult.Unhealthy(e.Message);
        }
    }
}
