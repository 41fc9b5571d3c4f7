using FaceSearch.Grains.Backups;
using FaceSearch.Silo.Hosting;
using FaceSearch.Storage.Backup;
using Orleans.Providers;
using Orleans.Runtime;
using Orleans.Storage;

namespace FaceSearch.Silo.Commands;

/// <summary>The stores of a server that does not run: the silo's own composition, built and not started.</summary>
internal sealed class OfflineStores : IAsyncDisposable
{
    private readonly WebApplication _host;

    private OfflineStores(WebApplication host) => _host = host;

    /// <summary>Builds the stores that the settings name. A data folder that a server has is refused.</summary>
    public static async Task<OfflineStores> OpenAsync(string[] settings)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = settings, ContentRootPath = AppContext.BaseDirectory });
        SiloOptions options = builder.AddSiloOptions();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.AddOrleansSilo(options);
        WebApplication host = builder.Build();
        try
        {
            foreach (IHostedService check in host.Services.GetServices<IHostedService>().OfType<IStorageCheck>().Cast<IHostedService>())
                await check.StartAsync(CancellationToken.None);
            if (host.Services.GetRequiredKeyedService<IGrainStorage>(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME) is ILifecycleParticipant<ISiloLifecycle> participant)
                await StartLifecycle.RunAsync(participant);
            return new(host);
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    public BackupStores Stores(bool withModels)
    {
        BackupStores stores = _host.Services.GetRequiredService<BackupStores>();
        return withModels ? stores : stores with { ModelsFolder = null };
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

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
