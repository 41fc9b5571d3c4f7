using FaceSearch.Storage.Backup;
using FaceSearch.Storage.Files;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Providers;
using Orleans.Storage;

namespace FaceSearch.Storage.Postgres;

/// <summary>The storage of a cluster: one PostgreSQL database for any number of silos.</summary>
public static class PostgresStorage
{
    /// <summary>Name of the ADO.NET provider as Orleans knows it.</summary>
    public const string Invariant = "Npgsql";

    /// <summary>
    /// Registers <see cref="ITemplateLogProvider"/>, <see cref="ISnapshotStore"/>, <see cref="ICropStore"/>, Orleans' default grain storage
    /// (cleared states are deleted) and its reminders. The schema must be there: <see cref="DatabaseSchema"/>.
    /// </summary>
    /// <param name="silo">Where to.</param>
    /// <param name="database">The database; disposed with the container.</param>
    /// <param name="cacheFolder">Local copies of snapshots, for this process alone.</param>
    /// <param name="masterKeyFile">The file of the key that wraps the keys of retained images; the same on every silo.</param>
    public static ISiloBuilder AddFaceSearchPostgresStorage(this ISiloBuilder silo, PostgresDatabase database, string cacheFolder, string masterKeyFile)
    {
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.AddSingleton(_ => database);
        silo.Services.AddSingleton(_ => DataFolderLock.Take(new DataFolder(cacheFolder)));
        silo.Services.AddSingleton<ITemplateLogProvider>(s =>
        {
            s.GetRequiredService<DataFolderLock>(); // A cache folder that another silo has is found at the start.
            return new PostgresTemplateLogProvider(database, s.GetRequiredService<TimeProvider>());
        });
        silo.Services.AddSingleton<ISnapshotStore>(s => new PostgresSnapshotStore(
            database, Path.Combine(s.GetRequiredService<DataFolderLock>().Folder.Root, "snapshots"), s.GetRequiredService<TimeProvider>()));
        silo.Services.AddSingleton<ICropStore>(_ => new PostgresCropStore(database, masterKeyFile));
        silo.Services.AddSingleton<IGrainStateList>(s => new PostgresGrainStates(database, s.GetRequiredService<IOptions<ClusterOptions>>().Value.ServiceId));
        silo.AddAdoNetGrainStorage(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME, o =>
        {
            o.Invariant = Invariant;
            o.DataSource = database.Source;
            o.DeleteStateOnClear = true;
        });
        silo.Services.AddKeyedSingleton<IGrainStorage>(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME,
            (s, name) => new PostgresGrainStorage(AdoNetGrainStorageFactory.Create(s, (string)name!)));
        silo.UseAdoNetReminderService(o =>
        {
            o.Invariant = Invariant;
            o.DataSource = database.Source;
        });
        return silo;
    }
}
