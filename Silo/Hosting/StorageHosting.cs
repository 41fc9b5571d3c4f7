using FaceSearch.Silo.Health;
using FaceSearch.Storage;
using FaceSearch.Storage.Postgres;

namespace FaceSearch.Silo.Hosting;

/// <summary>Picks the storage.</summary>
internal static class StorageHosting
{
    /// <summary>Registers the configured storage and its health check.</summary>
    public static void AddStorage(this ISiloBuilder silo, SiloOptions options, StorageOptions storage)
    {
        IHealthChecksBuilder checks = silo.Services.AddHealthChecks();
        switch (storage.Provider)
        {
            case StorageProvider.Embedded:
                silo.AddFaceSearchEmbeddedStorage(options.DataFolder, options.RetentionKeyFile);
                checks.AddCheck<StorageCheck>("storage", tags: [Gateway.GatewayHosting.ReadyTag]);
                break;
            case StorageProvider.Postgres:
                PostgresDatabase database = PostgresHosting.Open(silo.Services, "Storage:ConnectionString", storage.ConnectionString);
                silo.AddFaceSearchPostgresStorage(
                    database,
                    storage.CacheFolder ?? Path.Combine(options.DataFolder, "cache"),
                    options.RetentionKeyFile ?? Path.Combine(options.DataFolder, "crops", "master.key"));
                checks.AddCheck<PostgresCheck>("storage", tags: [Gateway.GatewayHosting.ReadyTag]);
                break;
            default:
                throw new ConfigurationException($"Storage:Provider={storage.Provider} is not in this build. Use Embedded or Postgres.");
        }
    }
}
