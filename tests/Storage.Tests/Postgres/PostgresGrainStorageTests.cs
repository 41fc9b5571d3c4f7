using FaceSearch.Storage.Postgres;
using FaceSearch.Storage.Tests.Conformance;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace FaceSearch.Storage.Tests.Postgres;

/// <summary>Orleans' own provider over our tables and statements.</summary>
public sealed class PostgresGrainStorageTests(SharedServer server) : GrainStorageConformance
{
    protected override async ValueTask<GrainStorageFixture> CreateStoreAsync() => new Fixture(await server.CreateAsync());

    private sealed class Fixture(TestDatabase database) : GrainStorageFixture
    {
        public override IGrainStorage Connect(IGrainStorageSerializer serializer, IActivatorProvider activators)
        {
            AdoNetGrainStorage storage = new(
                activators,
                NullLogger<AdoNetGrainStorage>.Instance,
                Options.Create(new AdoNetGrainStorageOptions
                {
                    Invariant = PostgresStorage.Invariant,
                    DataSource = database.Connect().Source,
                    DeleteStateOnClear = true,
                    GrainStorageSerializer = serializer,
                }),
                Options.Create(new ClusterOptions { ServiceId = "facesearch", ClusterId = "facesearch" }),
                "Default");
            Lifecycle lifecycle = new();
            storage.Participate(lifecycle);
            lifecycle.Start!(CancellationToken.None).GetAwaiter().GetResult();
            return storage;
        }

        /// <summary>Null: a cleared state's row is deleted, and its dead bytes go with PostgreSQL's next vacuum and reuse, not at once.</summary>
        public override ValueTask<bool?> HoldsAsync(ReadOnlyMemory<byte> needle) => new((bool?)null);

        public override ValueTask DisposeAsync() => database.DisposeAsync();
    }

    private sealed class Lifecycle : ISiloLifecycle
    {
        public Func<CancellationToken, Task>? Start { get; private set; }

        public int HighestCompletedStage => 0;

        public int LowestStoppedStage => 0;

        public IDisposable Subscribe(string observerName, int stage, ILifecycleObserver observer)
        {
            Start = observer.OnStart;
            return new MemoryStream();
        }
    }
}
