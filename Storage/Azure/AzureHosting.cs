using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Messaging;
using Orleans.Providers;
using Orleans.Runtime.Hosting;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace FaceSearch.Storage.Azure;

/// <summary>Puts an Azure storage account behind a silo or a client.</summary>
public static class AzureHosting
{
    /// <summary>
    /// Registers <see cref="ITemplateLogProvider"/>, <see cref="ISnapshotStore"/>, <see cref="ICropStore"/> and Orleans' default grain
    /// storage on the account. Any number of silos may use it.
    /// </summary>
    public static ISiloBuilder AddFaceSearchAzureStorage(this ISiloBuilder silo, AzureStorageOptions options)
    {
        IServiceCollection services = silo.Services;
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(_ => new LocalCache(options.CacheFolder));
        services.AddSingleton<ITemplateLogProvider>(s => new AzureTemplateLogProvider(options, s.GetRequiredService<LocalCache>(),
            s.GetRequiredService<TimeProvider>(), s.GetService<ILogger<AzureTemplateLogProvider>>()));
        services.AddSingleton<ISnapshotStore>(s => new AzureSnapshotStore(options, s.GetRequiredService<LocalCache>()));
        services.AddSingleton<ICropStore>(_ => new AzureCropStore(options));
        services.AddGrainStorage(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME, (s, _) => GrainStorage(s, options));
        return silo;
    }

    /// <summary>Cluster membership and reminders in the account's tables; cluster and service ids are those of <see cref="ClusterOptions"/>.</summary>
    public static ISiloBuilder UseFaceSearchAzureClustering(this ISiloBuilder silo, AzureStorageOptions options)
    {
        silo.AddReminders();
        silo.Services.AddSingleton<IMembershipTable>(s => new AzureMembershipTable(options, Cluster(s).ClusterId));
        silo.Services.AddSingleton<IReminderTable>(s => new AzureReminderTable(options, Cluster(s).ServiceId, Cluster(s).ClusterId));
        return silo;
    }

    /// <summary>As the other, and sets the cluster's ids.</summary>
    public static ISiloBuilder UseFaceSearchAzureClustering(this ISiloBuilder silo, AzureStorageOptions options, ClusterOptions cluster)
    {
        silo.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (cluster.ClusterId, cluster.ServiceId));
        return silo.UseFaceSearchAzureClustering(options);
    }

    /// <summary>Lets a client find the silos of a cluster in the account's table.</summary>
    public static IClientBuilder UseFaceSearchAzureClustering(this IClientBuilder client, AzureStorageOptions options)
    {
        client.Services.AddSingleton<IGatewayListProvider>(s => new AzureGatewayListProvider(options, Cluster(s).ClusterId,
            s.GetRequiredService<IOptions<GatewayOptions>>().Value.GatewayListRefreshPeriod));
        return client;
    }

    private static IGrainStorage GrainStorage(IServiceProvider services, AzureStorageOptions options)
    {
        var serializer = services.GetRequiredService<IGrainStorageSerializer>();
        var activators = services.GetRequiredService<IActivatorProvider>();
        return options.Grains == AzureGrainStore.Blobs
            ? new AzureBlobGrainStorage(options, serializer, activators)
            : new AzureTableGrainStorage(options, Cluster(services).ServiceId, serializer, activators);
    }

    private static ClusterOptions Cluster(IServiceProvider services) => services.GetRequiredService<IOptions<ClusterOptions>>().Value;
}
