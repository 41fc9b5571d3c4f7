using System.Globalization;
using FaceSearch.Grains.Embedders;
using FaceSearch.Grains.Hosting;
using FaceSearch.Grains.Placement;
using FaceSearch.Grains.Shards;
using FaceSearch.Grains.Tests.Cluster;
using FaceSearch.Grains.Tests.Shards;
using FaceSearch.Storage;
using FaceSearch.Storage.Crops;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Sqlite;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Providers;
using Orleans.Runtime.Hosting;
using Orleans.Runtime.MembershipService.SiloMetadata;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using Orleans.TestingHost;

namespace FaceSearch.Grains.Tests.Placement;

/// <summary>Several silos in this process that share real grain state, template logs and snapshots; membership is in memory.</summary>
internal sealed class TestSilos : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly InProcessTestCluster _cluster;

    private TestSilos(short count, TimeSpan moveAfter, Func<int, bool> gpu, Action<IServiceCollection> configure)
    {
        DataFolder data = new(_folder.Root);
        SqliteTemplateLogProvider logs = new(data, TimeProvider.System);
        Logs = logs;
        FileSnapshotStore snapshots = new(data);
        SqliteCropStore crops = new(data, null);
        InProcessTestClusterBuilder builder = new(count);
        builder.ConfigureSilo((options, silo) =>
        {
            int number = Number(options.SiloName);
            silo.Services.AddGrainStorage(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME, (services, _) =>
                new SqliteGrainStorage(data, services.GetRequiredService<IGrainStorageSerializer>(), services.GetRequiredService<IActivatorProvider>()));
            silo.Services.AddSingleton<ITemplateLogProvider>(_ => logs);
            silo.Services.AddSingleton<ISnapshotStore>(_ => snapshots);
            silo.Services.AddSingleton<ICropStore>(_ => crops);
            silo.Services.AddFaceSearchGrains(new ConfigurationBuilder().Build());
            silo.Services.Configure<ShardOptions>(o => o.MoveAfter = moveAfter);
            silo.Services.AddSingleton<IEventPublisher>(new RecordedEvents());
            silo.Services.AddSingleton(new EmbedderPool(null, name => new StandInEmbedder(name, _ =>
            {
                lock (Embedded)
                    Embedded.Add(number);
                return Faces.Of(1);
            }), Options.Create(new EmbedderOptions { MaxModels = 64 })));
            configure(silo.Services);
            silo.UseSiloMetadata(SiloTraits.Describe(gpu(number), 8L << 30));
        });
        _cluster = builder.Build();
    }

    /// <summary>Numbers of the silos that embedded, in order.</summary>
    public List<int> Embedded { get; } = [];

    public ITemplateLogProvider Logs { get; }

    public IGrainFactory Grains => _cluster.Client;

    public InProcessTestCluster Cluster => _cluster;

    public static async Task<TestSilos> StartAsync(short count, TimeSpan moveAfter, Func<int, bool>? gpu = null, Action<IServiceCollection>? configure = null)
    {
        TestSilos silos = new(count, moveAfter, gpu ?? (_ => false), configure ?? (_ => { }));
        await silos._cluster.DeployAsync();
        return silos;
    }

    /// <summary>Shards that each living silo has open, as the silo itself says.</summary>
    public int[] OpenShards() => [.. _cluster.Silos.Where(s => s.IsActive).Select(s => s.ServiceProvider.GetRequiredService<OpenShards>().All.Count)];

    /// <summary>Silos start side by side: their order in <see cref="Cluster"/> says nothing.</summary>
    public InProcessSiloHandle Silo(int number) => _cluster.Silos.Single(s => Number(s.Name) == number);

    private static int Number(string name) => int.Parse(name[(name.LastIndexOf('_') + 1)..], CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _folder.Dispose();
    }
}
