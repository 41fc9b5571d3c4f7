using FaceSearch.Grains.Tests.Shards;
using FaceSearch.Grains.Embedders;
using FaceSearch.Grains.Shards;
using FaceSearch.Grains.Reembedding;
using FaceSearch.Grains.Tests.Reembedding;
using FaceSearch.Grains.Hosting;
using FaceSearch.Storage;
using FaceSearch.Vision;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.TestingHost;

namespace FaceSearch.Grains.Tests.Cluster;

/// <summary>
/// A real silo with embedded storage, seen through a real client, so that everything is serialised on its way. The membership
/// alone is in memory.
/// </summary>
public sealed class TestSilo : IAsyncLifetime
{
    private readonly TempFolder _folder = new();
    private InProcessTestCluster _cluster = null!;

    /// <summary>The wall clock of the silo's grains, which a test may set forward; timers go on as they are.</summary>
    internal ShiftedClock Clock { get; } = new();

    /// <summary>The embedders that are "installed": by name, what each makes of a crop.</summary>
    internal Dictionary<string, Func<AlignedFace, Embedding>> Embedders { get; } = new(StringComparer.Ordinal);

    internal RecordedEvents Events { get; private set; } = new();

    internal TempFolder Folder => _folder;

    internal PhaseGate Gate { get; } = new();

    public IGrainFactory Grains => _cluster.Client;

    /// <summary>What the silo itself uses.</summary>
    internal T Service<T>() where T : notnull => _cluster.Silos[0].ServiceProvider.GetRequiredService<T>();

    public async ValueTask InitializeAsync()
    {
        InProcessTestClusterBuilder builder = new(1);
        builder.ConfigureSilo((_, silo) =>
        {
            Events.Heard = Gate.HearAsync;
            silo.Services.AddSingleton<TimeProvider>(Clock);
            silo.AddFaceSearchEmbeddedStorage(_folder.Root);
            silo.Services.AddFaceSearchGrains(new ConfigurationBuilder().Build());
            silo.Services.AddSingleton<IEventPublisher>(Events);
            silo.Services.Configure<ShardOptions>(o => o.SearchThreads = 8);
            silo.Services.Configure<ReembeddingOptions>(o => (o.Page, o.Grace) = (8, TimeSpan.Zero));
            silo.Services.AddSingleton(new EmbedderPool(
                null, name => Embedders.TryGetValue(name, out Func<AlignedFace, Embedding>? embed) ? new StandInEmbedder(name, embed) : TestModels.Open(name), Options.Create(new EmbedderOptions { MaxModels = 8 })));
        });
        _cluster = builder.Build();
        await _cluster.DeployAsync();
    }

    /// <summary>Stops the silo and starts another on the same folder.</summary>
    public async Task RestartAsync()
    {
        await _cluster.DisposeAsync();
        // A silo's address holds the second of its start: one that starts at a set time can have the address of one that is gone.
        TimeSpan shift = Clock.Shift;
        Clock.Shift = TimeSpan.Zero;
        await InitializeAsync();
        Clock.Shift = shift;
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _folder.Dispose();
    }

    internal IGalleryGrain Gallery(string gallery) => Grains.GetGrain<IGalleryGrain>(gallery);

    internal IIdentityGrain Identity(string gallery, int person) => Grains.GetGrain<IIdentityGrain>(Ids.IdentityKey(gallery, Faces.Name(person)));

    internal Task<EnrolOutcome> EnrolAsync(string gallery, int person, int sample = 0, string? operation = null, ConflictPolicy onConflict = ConflictPolicy.Allow, Dictionary<string, string>? metadata = null) =>
        Identity(gallery, person).EnrolAsync(new EnrolCommand(
            operation ?? $"enrol-{person}-{sample}", 1, [new NewTemplate(Faces.Of(person, sample), TemplateQuality.Unknown)], metadata, onConflict));

    internal Task<IdentifyOutcome> IdentifyAsync(string gallery, int person, int sample = 99, int top = 3, ThresholdPolicy? threshold = null) =>
        Grains.GetGrain<IIdentifyGrain>(gallery).IdentifyAsync(
            new IdentifyQuery(gallery, 1, Faces.Of(person, sample), top, threshold, null, null, DateTimeOffset.UtcNow.AddSeconds(20), false));
}
