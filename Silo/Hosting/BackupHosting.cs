using FaceSearch.Grains.Backups;
using FaceSearch.Storage;
using FaceSearch.Storage.Backup;
using Orleans.Metadata;
using Orleans.Providers;
using Orleans.Runtime;
using Orleans.Storage;

namespace FaceSearch.Silo.Hosting;

/// <summary>A check of the storage before anything else starts; commands that start no silo run it too.</summary>
internal interface IStorageCheck;

/// <summary>The stores as a backup sees them, and where backups of a running silo go.</summary>
internal static class BackupHosting
{
    /// <summary>After the storage was added.</summary>
    public static void AddBackups(this WebApplicationBuilder builder, SiloOptions options)
    {
        IServiceCollection services = builder.Services;
        services.AddOptions<BackupOptions>().Bind(builder.Configuration.GetSection("Backup")).PostConfigure(o =>
        {
            o.Folder = o.Folder is { Length: > 0 } folder ? folder : Path.TrimEndingDirectorySeparator(options.DataFolder) + "-backups";
            o.Passphrase ??= Environment.GetEnvironmentVariable("FACESEARCH_BACKUP_PASSPHRASE");
        });
        ServiceDescriptor serializer = services.Last(s => s.ServiceType == typeof(IGrainStorageSerializer) && !s.IsKeyedService);
        services.AddSingleton<IGrainStorageSerializer>(s => new RawGrainStateSerializer((IGrainStorageSerializer)(serializer.ImplementationInstance
            ?? serializer.ImplementationFactory?.Invoke(s) ?? ActivatorUtilities.CreateInstance(s, serializer.ImplementationType!))));
        services.AddSingleton(s =>
        {
            IReadOnlyDictionary<string, GrainType> types = StoredStates.Types(s.GetRequiredService<GrainTypeResolver>());
            IGrainStorage grains = s.GetRequiredKeyedService<IGrainStorage>(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME);
            IGrainStateList states = s.GetRequiredService<IGrainStateList>();
            return new BackupStores(s.GetRequiredService<ITemplateLogProvider>(), s.GetRequiredService<ICropStore>(), grains, states, types,
                new BackupFrame(grains, states, s.GetRequiredService<IGrainStorageSerializer>(), types), options.EffectiveModelsFolder);
        });
    }
}
