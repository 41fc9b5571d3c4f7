using System.Net;
using System.Net.Sockets;
using FaceSearch.Storage.Azure;
using FaceSearch.Storage.Postgres;
using Orleans.Configuration;

namespace FaceSearch.Silo.Hosting;

/// <summary>Picks what silos find each other by.</summary>
internal static class ClusterHosting
{
    private const int UsualSiloPort = 11111, UsualGatewayPort = 30000;

    /// <summary>Registers the configured clustering; sets the ports and the address that are really used.</summary>
    public static void AddCluster(this ISiloBuilder silo, SiloOptions options, StorageOptions storage, ClusterOptions cluster)
    {
        if (cluster.Provider == ClusterProvider.Localhost)
        {
            cluster.SiloPort = FreePort(cluster.SiloPort != 0 ? cluster.SiloPort : options.SiloPort);
            options.ClientPort = cluster.GatewayPort = FreePort(cluster.GatewayPort != 0 ? cluster.GatewayPort : options.ClientPort);
            cluster.AdvertisedAddress = IPAddress.Loopback.ToString();
            silo.UseLocalhostClustering(cluster.SiloPort, cluster.GatewayPort, serviceId: cluster.ServiceId, clusterId: cluster.ClusterId);
            return;
        }
        if (storage.Provider == StorageProvider.Embedded)
            throw new ConfigurationException($"Cluster:Provider={cluster.Provider} joins silos that must share one storage, but Storage:Provider is Embedded. Set Storage:Provider.");
        switch (cluster.Provider)
        {
            case ClusterProvider.Postgres:
                silo.AddPostgresMembership(storage, cluster);
                break;
            case ClusterProvider.Azure:
                silo.AddAzureMembership(storage, cluster);
                break;
            case ClusterProvider.Redis:
                silo.AddRedisMembership(cluster);
                break;
            default:
                throw new ConfigurationException($"Cluster:Provider={cluster.Provider} is not in this build. Use Localhost, Postgres, Azure or Redis.");
        }
        IPAddress address = Advertised(cluster.AdvertisedAddress);
        cluster.AdvertisedAddress = address.ToString();
        cluster.SiloPort = cluster.SiloPort != 0 ? cluster.SiloPort : UsualSiloPort;
        options.ClientPort = cluster.GatewayPort = cluster.GatewayPort != 0 ? cluster.GatewayPort : UsualGatewayPort;
        silo.ConfigureEndpoints(address, cluster.SiloPort, cluster.GatewayPort, listenOnAnyHostAddress: !IPAddress.IsLoopback(address));
        silo.Configure<Orleans.Configuration.ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (cluster.ClusterId, cluster.ServiceId));
        silo.Configure<ClusterMembershipOptions>(o =>
        {
            o.ProbeTimeout = cluster.ProbeTimeout;
            o.NumMissedProbesLimit = cluster.MissedProbes;
            o.NumVotesForDeathDeclaration = cluster.Votes;
            o.TableRefreshTimeout = cluster.TableRefresh;
            o.IAmAliveTablePublishTimeout = cluster.IAmAlive;
            o.NumMissedTableIAmAliveLimit = 3;
            o.DefunctSiloExpiration = TimeSpan.FromDays(1);
            o.DefunctSiloCleanupPeriod = TimeSpan.FromHours(1);
        });
    }

    private static void AddPostgresMembership(this ISiloBuilder silo, StorageOptions storage, ClusterOptions cluster)
    {
        string? place = cluster.ConnectionString ?? (storage.Provider == StorageProvider.Postgres ? storage.ConnectionString : null);
        PostgresDatabase database = PostgresHosting.Open(silo.Services, cluster.ConnectionString is null ? "Storage:ConnectionString" : "Cluster:ConnectionString", place);
        silo.UseAdoNetClustering(o =>
        {
            o.Invariant = PostgresStorage.Invariant;
            o.DataSource = database.Source;
        });
    }

    private static void AddAzureMembership(this ISiloBuilder silo, StorageOptions storage, ClusterOptions cluster)
    {
        AzureStorageOptions account = AzureHosting.Cluster(storage, cluster);
        if (!string.IsNullOrWhiteSpace(cluster.ConnectionString)) // Else it is the storage's, which is asked anyway.
            AzureHosting.Check(silo.Services, account, "Cluster:ConnectionString", AzureServices.Tables);
        silo.UseFaceSearchAzureClustering(account);
    }

    private static void AddRedisMembership(this ISiloBuilder silo, ClusterOptions cluster)
    {
        if (string.IsNullOrWhiteSpace(cluster.ConnectionString))
            throw new ConfigurationException("Cluster:ConnectionString is missing: host:port,password=...");
        silo.UseRedisClustering(cluster.ConnectionString);
    }

    private static IPAddress Advertised(string? configured)
    {
        if (configured is not null && IPAddress.TryParse(configured, out IPAddress? given))
            return given;
        try
        {
            IPAddress[] found = Dns.GetHostAddresses(configured ?? Dns.GetHostName(), AddressFamily.InterNetwork);
            return found.FirstOrDefault(a => !IPAddress.IsLoopback(a)) ?? found.FirstOrDefault()
                ?? throw new ConfigurationException("This host has no address that other silos could reach it at. Set Cluster:AdvertisedAddress.");
        }
        catch (SocketException)
        {
            throw new ConfigurationException($"'{configured ?? Dns.GetHostName()}' has no address. Set Cluster:AdvertisedAddress.");
        }
    }

    private static int FreePort(int wanted)
    {
        if (wanted != 0)
            return wanted;
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
