using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using FaceSearch.Storage.Azure;
using FaceSearch.Storage.Tests.Conformance;

namespace FaceSearch.Storage.Tests.Azure;

public sealed class AzureSnapshotStoreTests : SnapshotStoreConformance
{
    protected override async ValueTask<SnapshotStoreFixture> CreateStoreAsync() => new Fixture(await AzureStore.CreateAsync());

    private sealed class Fixture(AzureStore store) : SnapshotStoreFixture
    {
        private LocalCache? _cache;

        private BlobContainerClient Container => store.Blobs.GetBlobContainerClient(store.Options().SnapshotContainer);

        public override ISnapshotStore Connect() => new AzureSnapshotStore(store.Options(), _cache ??= store.Cache(store.Options()));

        public override async ValueTask<IReadOnlyList<string>> ObjectsAsync()
        {
            List<string> names = [];
            await foreach (BlobItem item in Container.GetBlobsAsync())
                names.Add(item.Name);
            return names;
        }

        public override async ValueTask<byte[]> GetAsync(string name) => (await Container.GetBlobClient(name).DownloadContentAsync()).Value.Content.ToArray();

        public override async ValueTask PutAsync(string name, byte[] content) => await Container.GetBlobClient(name).UploadAsync(new BinaryData(content), overwrite: true);

        public override async ValueTask RemoveAsync(string name) => await Container.GetBlobClient(name).DeleteAsync();

        public override ValueTask DisposeAsync() => store.DisposeAsync();
    }
}
