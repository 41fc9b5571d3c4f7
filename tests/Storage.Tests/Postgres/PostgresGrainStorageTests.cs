using FaceSearch.Storage.Postgres;
using FaceSearch.Storage.Tests.Conformance;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace FaceSearch.Storage.Tests.Postgres;

/// <summary>Orleans' own provider over our tables and statements, under our keys.</summary>
public sealed class PostgresGrainStorageTests(SharedServer server) : GrainStorageConformance
{
    protected override async ValueTask<GrainStorageFixture> CreateStoreAsync() => new Fixture(await server.CreateAsync());

    internal sealed class Fixture(TestDatabase database) : GrainStorageFixture
    {
        public override IGrainStorage Connect(IGrainStorageSerializer serializer, IActivatorProvider activators)
        {
            PostgresGrainStorage storage = new(new AdoNetGrainStorage(
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
                "Default"));
            SiloLifecycle.Start(storage);
            return storage;
        }

        /// <summary>Null: a cleared state's row is deleted, and its dead bytes go with PostgreSQL's next vacuum and reuse, not at once.</summary>
        public override ValueTask<bool?> HoldsAsync(ReadOnlyMemory<byte> needle) => new((bool?)null);

        public override ValueTask DisposeAsync() => database.DisposeAsync();
    }
}
