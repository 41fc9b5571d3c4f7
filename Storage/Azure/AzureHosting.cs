using FaceSearch.Storage.Backup;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Orleans.Hosting;
using Orleans.Providers;

namespace FaceSearch.Storage.Azure;

/// <summary>Puts an Azure storage account behind a silo or a client.</summary>
public static class AzureHosting
{
    /// <summary>
    /// Registers <see cref="ITemplateLogProvider"/>, <see cref="ISnapshotStore"/>, <see cref="ICropStore"/>, and Orleans' own providers of
    /// grain storage (the default one; cleared states are deleted) and of reminders on the account. Any number of silos may use it.
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
        AzureAccount account = new(options);
        services.AddSingleton<IGrainStateList>(_ => new AzureGrainStates(options));
        if (options.Grains == AzureGrainStore.Blobs)
        {
            silo.AddAzureBlobGrainStorage(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME, o =>
                (o.BlobServiceClient, o.ContainerName, o.DeleteStateOnClear) = (account.Blobs, options.GrainContainer, true));
        }
        else
        {
            silo.AddAzureTableGrainStorage(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME, o =>
                (o.TableServiceClient, o.TableName, o.DeleteStateOnClear) = (account.Tables, options.GrainTable, true));
        }
        return silo.UseAzureTableReminderService(o => (o.TableServiceClient, o.TableName) = (account.Tables, options.ReminderTable));
    }

    /// <summary>Cluster membership in the account's table.</summary>
    public static ISiloBuilder UseFaceSearchAzureClustering(this ISiloBuilder silo, AzureStorageOptions options)
    {
        AzureAccount account = new(options);
        return silo.UseAzureStorageClustering(o => (o.TableServiceClient, o.TableName) = (account.Tables, options.MembershipTable));
    }

    /// <summary>Lets a client find the silos of a cluster in the account's table.</summary>
    public static IClientBuilder UseFaceSearchAzureClustering(this IClientBuilder client, AzureStorageOptions options)
    {
        AzureAccount account = new(options);
        return client.UseAzureStorageClustering(o => (o.TableServiceClient, o.TableName) = (account.Tables, options.MembershipTable));
    }
}
