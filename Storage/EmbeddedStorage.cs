using FaceSearch.Storage.Files;
using FaceSearch.Storage.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Hosting;
using Orleans.Providers;
using Orleans.Runtime.Hosting;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace FaceSearch.Storage;

/// <summary>The storage that needs no server: SQLite files and folders under one data folder, for one process.</summary>
public static class EmbeddedStorage
{
    /// <summary>As <see cref="AddFaceSearchEmbeddedStorage(IServiceCollection, string)"/>.</summary>
    public static ISiloBuilder AddFaceSearchEmbeddedStorage(this ISiloBuilder silo, string dataFolder)
    {
        silo.Services.AddFaceSearchEmbeddedStorage(dataFolder);
        return silo;
    }

    /// <summary>
    /// Registers <see cref="ITemplateLogProvider"/>, <see cref="ISnapshotStore"/> and Orleans' default grain storage. The
    /// folder is taken (<see cref="DataFolderLock"/>) when the first of them is resolved, which fails while another
    /// process has it, and given back with the container.
    /// </summary>
    public static IServiceCollection AddFaceSearchEmbeddedStorage(this IServiceCollection services, string dataFolder)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(_ => DataFolderLock.Take(new DataFolder(dataFolder)));
        services.AddSingleton<ITemplateLogProvider>(s => new SqliteTemplateLogProvider(Locked(s), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ISnapshotStore>(s => new FileSnapshotStore(Locked(s)));
        services.AddGrainStorage(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME, (s, _) =>
            new SqliteGrainStorage(Locked(s), s.GetRequiredService<IGrainStorageSerializer>(), s.GetRequiredService<IActivatorProvider>()));
        return services;
    }

    private static DataFolder Locked(IServiceProvider services) => services.GetRequiredService<DataFolderLock>().Folder;
}
