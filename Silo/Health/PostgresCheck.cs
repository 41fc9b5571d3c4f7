using FaceSearch.Storage;
using FaceSearch.Storage.Postgres;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FaceSearch.Silo.Health;

/// <summary>Whether the database answers, and what of its configuration endangers the data.</summary>
internal sealed class PostgresCheck(PostgresDatabase database) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await database.CheckServerAsync(cancellationToken);
            return database.Warning is { } warning ? HealthCheckResult.Degraded(warning) : HealthCheckResult.Healthy($"PostgreSQL {database.Place}");
        }
        catch (StorageException e)
        {
            return HealthCheckResult.Unhealthy(e.Message);
        }
    }
}
