using FaceSearch.Storage.Postgres;
using FaceSearch.Storage.Tests.Conformance;

namespace FaceSearch.Storage.Tests.Postgres;

public sealed class PostgresTemplateLogTests(SharedServer server) : TemplateLogConformance
{
    protected override async ValueTask<TemplateLogStore> CreateStoreAsync() => new Store(await server.CreateAsync());

    private sealed class Store(TestDatabase database) : TemplateLogStore
    {
        public override ITemplateLogProvider Connect(TimeProvider time) => new PostgresTemplateLogProvider(database.Connect(), time);

        public override async ValueTask<bool?> HoldsAsync(ReadOnlyMemory<byte> needle) => await database.HoldsAsync(needle);

        public override ValueTask DisposeAsync() => database.DisposeAsync();
    }
}
