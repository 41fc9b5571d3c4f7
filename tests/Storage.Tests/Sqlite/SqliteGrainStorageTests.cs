using FaceSearch.Storage.Files;
using FaceSearch.Storage.Sqlite;
using FaceSearch.Storage.Tests.Conformance;
using Orleans.Runtime;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace FaceSearch.Storage.Tests.Sqlite;

public sealed class SqliteGrainStorageTests : GrainStorageConformance
{
    protected override ValueTask<GrainStorageFixture> CreateStoreAsync() => new(new Fixture());

    private sealed class Fixture : GrainStorageFixture
    {
        private readonly SqliteStore _store = new();

        public override IGrainStorage Connect(IGrainStorageSerializer serializer, IActivatorProvider activators) =>
            new SqliteGrainStorage(new DataFolder(_store.Folder.Path), serializer, activators);

        public override ValueTask<bool?> HoldsAsync(ReadOnlyMemory<byte> needle) => _store.HoldsAsync(needle);

        public override ValueTask DisposeAsync() => _store.DisposeAsync();
    }
}
