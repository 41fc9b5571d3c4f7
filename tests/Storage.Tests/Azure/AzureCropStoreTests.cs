using System.Buffers.Binary;
using Azure.Storage.Blobs;
using FaceSearch.Storage.Azure;
using FaceSearch.Storage.Tests.Conformance;

namespace FaceSearch.Storage.Tests.Azure;

public sealed class AzureCropStoreTests : CropStoreConformance
{
    private const int KeyBlobLength = 1 + 8 + 32 + WrappedLength, WrappedLength = 60;
    private Fixture _fixture = null!;

    protected override async ValueTask<CropStoreFixture> CreateStoreAsync() => _fixture = new Fixture(await AzureStore.CreateAsync());

    protected override async ValueTask HoldsNothingThatOnlyCameFromAsync(IReadOnlyList<byte[]> before, ICropStore store, TemplateId[] erased)
    {
        byte[] key = before.Single(b => b.Length == KeyBlobLength && BinaryPrimitives.ReadInt64LittleEndian(b.AsSpan(1)) == erased[0].Value)[^WrappedLength..];
        (await _fixture.BytesAsync()).Any(b => b.AsSpan().IndexOf(key) >= 0).ShouldBeFalse("the template's key must be in no blob");
    }

    [Fact]
    public async Task Without_the_master_key_file_nothing_is_kept_and_none_is_made()
    {
        await using AzureStore store = await AzureStore.CreateAsync();
        File.Delete(store.MasterKeyFile);
        AzureCropStore crops = new(store.Options());
        await Should.ThrowAsync<StorageUnavailableException>(async () => await crops.PutAsync("people", "ann", [new RetainedImage(new(1), ImageKind.Crop, [1, 2, 3])], TestContext.Current.CancellationToken));
        File.Exists(store.MasterKeyFile).ShouldBeFalse();
    }

    [Fact]
    public async Task Erasures_and_additions_of_one_person_at_once_lose_no_image_that_was_not_erased()
    {
        await using AzureStore store = await AzureStore.CreateAsync();
        AzureCropStore one = new(store.Options()), two = new(store.Options());
        for (int round = 0; round < 12; round++)
        {
            long old = (2 * round) + 1, added = old + 1;
            await one.PutAsync("people", "ann", [new RetainedImage(new(old), ImageKind.Crop, [1])], TestContext.Current.CancellationToken);
            await Task.WhenAll(
                one.EraseAsync("people", [new(old)], TestContext.Current.CancellationToken).AsTask(),
                two.PutAsync("people", "ann", [new RetainedImage(new(added), ImageKind.Crop, [2])], TestContext.Current.CancellationToken).AsTask());
            RetainedImages read = await one.ReadAsync("people", [new(old), new(added)], ImageKind.Crop, TestContext.Current.CancellationToken);
            read.Images.ShouldHaveSingleItem($"round {round}").Template.Value.ShouldBe(added);
            await one.EraseAsync("people", [new(added)], TestContext.Current.CancellationToken);
        }
    }

    private sealed class Fixture(AzureStore store) : CropStoreFixture
    {
        public override ValueTask<ICropStore> ConnectAsync() => new(new AzureCropStore(store.Options()));

        public override async ValueTask<IReadOnlyList<byte[]>> BytesAsync() => [.. (await store.BytesAsync(store.Options().CropContainer)).Select(b => b.Bytes)];

        public override async ValueTask DamageImagesAsync()
        {
            BlobContainerClient container = store.Blobs.GetBlobContainerClient(store.Options().CropContainer);
            foreach ((string name, byte[] bytes) in (await store.BytesAsync(container.Name)).Where(b => b.Name.Contains("/images/", StringComparison.Ordinal)))
            {
                bytes[^1] ^= 1;
                await container.GetBlobClient(name).UploadAsync(new BinaryData(bytes), overwrite: true);
            }
        }

        public override ValueTask DisposeAsync() => store.DisposeAsync();
    }
}
