using FaceSearch.Storage.Backup;
using FaceSearch.Storage.Crops;
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
    /// <summary>As <see cref="AddFaceSearchEmbeddedStorage(IServiceCollection, string, string)"/>.</summary>
    public static ISiloBuilder AddFaceSearchEmbeddedStorage(this ISiloBuilder silo, string dataFolder, string? masterKeyFile = null)
    {
        silo.Services.AddFaceSearchEmbeddedStorage(dataFolder, masterKeyFile);
        return silo;
    }

    /// <summary>
    /// Registers <see cref="ITemplateLogProvider"/>, <see cref="ISnapshotStore"/>, <see cref="ICropStore"/> and Orleans' default grain storage. The
    /// folder is taken (<see cref="DataFolderLock"/>) when the first of them is resolved, which fails while another
    /// process has it, and given back with the container.
    /// </summary>
    /// <param name="services">Where to.</param>
    /// <param name="dataFolder">The folder.</param>
    /// <param name="masterKeyFile">Where the key that wraps the keys of retained images is; null: in the data folder.</param>
    public static IServiceCollection AddFaceSearchEmbeddedStorage(this IServiceCollection services, string dataFolder, string? masterKeyFile = null)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(_ => DataFolderLock.Take(new DataFolder(dataFolder)));
        services.AddSingleton<ITemplateLogProvider>(s => new SqliteTemplateLogProvider(Locked(s), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ISnapshotStore>(s => new FileSnapshotStore(Locked(s)));
        services.AddSingleton<ICropStore>(s => new SqliteCropStore(Locked(s), masterKeyFile));
        services.AddGrainStorage(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME, (s, _) =>
            new SqliteGrainStorage(Locked(s), s.GetRequiredService<IGrainStorageSerializer>(), s.GetRequiredService<IActivatorProvider>()));
        services.AddSingleton<IGrainStateList>(s => (SqliteGrainStorage)s.GetRequiredKeyedService<IGrainStorage>(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME));
        return services;
    }

    private static DataFolder Locked(IServiceProvider services) => services.GetRequiredService<DataFolderLock>().Folder;
}
