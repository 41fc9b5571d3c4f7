using FaceSearch.Storage.Files;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Storage.Tests.Sqlite;

namespace FaceSearch.Storage.Tests.Files;

public sealed class FileSnapshotStoreTests : SnapshotStoreConformance
{
    protected override ValueTask<SnapshotStoreFixture> CreateStoreAsync() => new(new Fixture());

    private sealed class Fixture : SnapshotStoreFixture
    {
        private readonly TempFolder _folder = new();

        public override ISnapshotStore Connect() => new FileSnapshotStore(new DataFolder(_folder.Path));

        public override ValueTask<IReadOnlyList<string>> ObjectsAsync() => new(Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories));

        public override async ValueTask<byte[]> GetAsync(string name) => await File.ReadAllBytesAsync(name);

        public override async ValueTask PutAsync(string name, byte[] content) => await File.WriteAllBytesAsync(name, content);

        public override ValueTask RemoveAsync(string name)
        {
            File.Delete(name);
            return ValueTask.CompletedTask;
        }

        public override ValueTask DisposeAsync()
        {
            _folder.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
