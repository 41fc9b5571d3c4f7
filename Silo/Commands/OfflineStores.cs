using System.Reflection;
using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Models;
using FaceSearch.Silo.Hosting;
using FaceSearch.Storage;
using FaceSearch.Storage.Backup;
using Orleans.Metadata;
using Orleans.Providers;
using Orleans.Runtime;
using Orleans.Storage;

namespace FaceSearch.Silo.Commands;

/// <summary>The stores of a server that does not run: the silo's own composition, built and not started.</summary>
internal sealed class OfflineStores : IAsyncDisposable
{
    private readonly WebApplication _host;
    private readonly SiloOptions _options;
    private readonly IGrainStorage _grains;
    private readonly GrainNames _names;

    private OfflineStores(WebApplication host, SiloOptions options, IGrainStorage grains, GrainNames names) => (_host, _options, _grains, _names) = (host, options, grains, names);

    /// <summary>Builds the stores that the settings name. A data folder that a server has is refused.</summary>
    public static async Task<OfflineStores> OpenAsync(string[] settings)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = settings, ContentRootPath = AppContext.BaseDirectory });
        SiloOptions options = builder.AddSiloOptions();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.AddOrleansSilo(options);
        ServiceDescriptor serializer = builder.Services.Last(s => s.ServiceType == typeof(IGrainStorageSerializer) && !s.IsKeyedService);
        builder.Services.AddSingleton<IGrainStorageSerializer>(s => new RawGrainStateSerializer((IGrainStorageSerializer)(serializer.ImplementationInstance
            ?? serializer.ImplementationFactory?.Invoke(s) ?? ActivatorUtilities.CreateInstance(s, serializer.ImplementationType!))));
        WebApplication host = builder.Build();
        try
        {
            foreach (IHostedService check in host.Services.GetServices<IHostedService>().OfType<PostgresHosting.SchemaCheck>())
                await check.StartAsync(CancellationToken.None);
            IGrainStorage grains = host.Services.GetRequiredKeyedService<IGrainStorage>(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME);
            if (grains is ILifecycleParticipant<ISiloLifecycle> participant)
                await StartLifecycle.RunAsync(participant);
            return new(host, options, grains, await NamesAsync(host.Services, grains));
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    public BackupStores Stores(bool withModels) => new(
        _host.Services.GetRequiredService<ITemplateLogProvider>(), _host.Services.GetRequiredService<ICropStore>(), _grains,
        _host.Services.GetRequiredService<IGrainStateList>(), _names, withModels ? _options.EffectiveModelsFolder : null);

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    /// <summary>Which grain class keeps which state, and the keys that they may have.</summary>
    private static async Task<GrainNames> NamesAsync(IServiceProvider services, IGrainStorage grains)
    {
        GrainTypeResolver resolver = services.GetRequiredService<GrainTypeResolver>();
        Dictionary<string, GrainType> types = [];
        foreach (Type type in typeof(GalleryGrain).Assembly.GetTypes().Where(t => t is { IsAbstract: false } && typeof(Grain).IsAssignableFrom(t)))
        {
            foreach (PersistentStateAttribute state in type.GetConstructors().SelectMany(c => c.GetParameters()).Select(p => p.GetCustomAttribute<PersistentStateAttribute>()).OfType<PersistentStateAttribute>())
                types.Add(state.StateName, resolver.GetGrainType(type));
        }
        GrainState<GalleryDirectoryState> galleries = new(new());
        await grains.ReadStateAsync("galleries", GrainId.Create(types["galleries"], IGalleryDirectoryGrain.Key), galleries);
        GrainState<ModelRegistryState> models = new(new());
        await grains.ReadStateAsync("models", GrainId.Create(types["models"], IModelRegistryGrain.Key), models);
        return new(types, [.. (galleries.State?.Galleries ?? []), .. (models.State?.Models ?? []).Select(m => m.Name)]);
    }

    /// <summary>Runs what Orleans' provider does at a silo's start, without a silo.</summary>
    private sealed class StartLifecycle : ISiloLifecycle
    {
        private readonly List<(int Stage, ILifecycleObserver Observer)> _observers = [];

        public int HighestCompletedStage => 0;

        public int LowestStoppedStage => 0;

        public static async Task RunAsync(ILifecycleParticipant<ISiloLifecycle> participant)
        {
            StartLifecycle lifecycle = new();
            participant.Participate(lifecycle);
            foreach ((_, ILifecycleObserver observer) in lifecycle._observers.OrderBy(o => o.Stage))
                await observer.OnStart(CancellationToken.None);
        }

        public IDisposable Subscribe(string observerName, int stage, ILifecycleObserver observer)
        {
            _observers.Add((stage, observer));
            return new Subscription();
        }

        private sealed class Subscription : IDisposable
        {
            public void Dispose()
            {
            }
        }
    }
}
