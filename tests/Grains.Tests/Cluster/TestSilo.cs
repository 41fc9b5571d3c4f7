using FaceSearch.Grains.Tests.Shards;
using FaceSearch.Grains.Embedders;
using FaceSearch.Grains.Reembedding;
using FaceSearch.Grains.Tests.Reembedding;
using FaceSearch.Grains.Hosting;
using FaceSearch.Storage;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
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

    internal RecordedEvents Events { get; private set; } = new();

    internal TempFolder Folder => _folder;

    internal PhaseGate Gate { get; } = new();

    public IGrainFactory Grains => _cluster.Client;

    public async ValueTask InitializeAsync()
    {
        InProcessTestClusterBuilder builder = new(1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddFaceSearchEmbeddedStorage(_folder.Root);
            silo.Services.AddFaceSearchGrains(new ConfigurationBuilder().Build());
            silo.Services.AddSingleton<IEventPublisher>(Events);
            silo.Services.AddSingleton(_ => TestModels.Pool());
            silo.Services.AddSingleton<IReembeddingEvents>(Gate);
            silo.Services.Configure<ReembeddingOptions>(o => (o.Page, o.Grace) = (8, TimeSpan.Zero));
        });
        _cluster = builder.Build();
        await _cluster.DeployAsync();
    }

    /// <summary>Stops the silo and starts another on the same folder.</summary>
    public async Task RestartAsync()
    {
        await _cluster.DisposeAsync();
        await InitializeAsync();
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
