using FaceSearch.Gateway;
using FaceSearch.Storage.Azure;
using FaceSearch.Storage.Postgres;
using Orleans.Configuration;

namespace FaceSearch.Silo.Hosting;

/// <summary>The Orleans client of a process that is a gateway alone.</summary>
internal static class GatewayRole
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1), ListRefresh = TimeSpan.FromSeconds(2), CallTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Registers a client that finds the silos by the cluster's provider and connects again by itself; HTTP is served meanwhile.</summary>
    /// <exception cref="ConfigurationException">The settings contradict each other or name what this build does not have.</exception>
    public static void AddOrleansGateway(this WebApplicationBuilder builder)
    {
        StorageOptions storage = new();
        ClusterOptions cluster = new();
        builder.Configuration.GetSection(StorageOptions.Section).Bind(storage);
        builder.Configuration.GetSection(ClusterOptions.Section).Bind(cluster);
        builder.Services.AddSingleton(cluster);
        ClusterConnection connection = new();
        builder.Services.AddClusterConnection(connection);
        builder.Services.Configure<HostOptions>(o => o.ServicesStartConcurrently = true);
        builder.UseOrleansClient(client =>
        {
            client.FindSilos(storage, cluster);
            client.UseClusterTls(builder.Configuration);
            client.UseConnectionRetryFilter(async (_, stopping) =>
            {
                await Task.Delay(Retry, stopping);
                return true;
            });
            client.AddClusterConnectionStatusObserver(connection);
            client.AddOutgoingGrainCallFilter<IdempotentCalls>();
            client.Configure<Orleans.Configuration.ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (cluster.ClusterId, cluster.ServiceId));
            client.Configure<Orleans.Configuration.GatewayOptions>(o => o.GatewayListRefreshPeriod = ListRefresh);
            // A call that was on its way through one silo to another that died is lost without a word.
            client.Configure<ClientMessagingOptions>(o => o.ResponseTimeout = CallTimeout);
        });
    }

    private static void FindSilos(this IClientBuilder client, StorageOptions storage, ClusterOptions cluster)
    {
        switch (cluster.Provider)
        {
            case ClusterProvider.Localhost when cluster.GatewayPort != 0:
                client.UseLocalhostClustering(cluster.GatewayPort, cluster.ServiceId, cluster.ClusterId);
                break;
            case ClusterProvider.Localhost:
                throw new ConfigurationException("A gateway finds its silos by Cluster:Provider=Postgres, Azure or Redis, or on this machine by Cluster:GatewayPort.");
            case ClusterProvider.Postgres:
                PostgresDatabase database = Open(cluster.ConnectionString ?? storage.ConnectionString);
                client.UseAdoNetClustering(o =>
                {
                    o.Invariant = PostgresStorage.Invariant;
                    o.DataSource = database.Source;
                });
                break;
            case ClusterProvider.Azure:
                AzureStorageOptions account = AzureHosting.Cluster(storage, cluster);
                AzureHosting.Probe(account, string.IsNullOrWhiteSpace(cluster.ConnectionString) ? "Storage:ConnectionString" : "Cluster:ConnectionString", AzureServices.Tables);
                client.UseFaceSearchAzureClustering(account);
                break;
            case ClusterProvider.Redis when !string.IsNullOrWhiteSpace(cluster.ConnectionString):
                client.UseRedisClustering(cluster.ConnectionString);
                break;
            case ClusterProvider.Redis:
                throw new ConfigurationException("Cluster:ConnectionString is missing: host:port,password=...");
            default:
                throw new ConfigurationException($"Cluster:Provider={cluster.Provider} is not in this build. Use Localhost, Postgres, Azure or Redis.");
        }
    }

    private static PostgresDatabase Open(string? connectionString)
    {
        if (string.IsNullOrWhiteSpace(connectionString))
            throw new ConfigurationException("Cluster:ConnectionString is missing: Host=...;Database=...;Username=...;Password=...");
        try
        {
            return new PostgresDatabase(connectionString);
        }
        catch (ArgumentException e)
        {
            throw new ConfigurationException($"Cluster:ConnectionString: {e.Message}");
        }
    }
}
