using FaceSearch.Storage.Postgres;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Storage.Tests.Sqlite;

namespace FaceSearch.Storage.Tests.Postgres;

public sealed class PostgresCropStoreTests(SharedServer server) : CropStoreConformance
{
    private TestDatabase _database = null!;
    private byte[] _wrapped = [];

    protected override async ValueTask<CropStoreFixture> CreateStoreAsync() => new Fixture(_database = await server.CreateAsync(), this);

    /// <summary>A template's wrapped key cannot be looked up once it is erased: all keys there were are kept when the bytes are looked at before.</summary>
    protected override async ValueTask HoldsNothingThatOnlyCameFromAsync(IReadOnlyList<byte[]> before, ICropStore store, TemplateId[] erased)
    {
        before.Any(f => f.AsSpan().IndexOf(_wrapped) >= 0).ShouldBeTrue("the key was to be found before");
        (await _database.HoldsAsync(_wrapped)).ShouldBeFalse("the template's key must be in no file");
    }

    [Fact]
    public async Task An_image_that_comes_after_the_erasure_of_its_template_is_not_kept()
    {
        using TempFolder keys = new();
        await using PostgresCropStore one = new(_database.Connect(), Path.Combine(keys.Path, "key"));
        await one.PutAsync("people", "ann", [new(new(1), ImageKind.Crop, [1])]);
        await using PostgresCropStore two = new(_database.Connect(), Path.Combine(keys.Path, "key"));
        (await two.EraseAsync("people", [new(2)])).ShouldBe(0);
        await one.PutAsync("people", "ann", [new(new(2), ImageKind.Crop, [2])]);
        (await two.HavingAsync("people", [new(1), new(2)], ImageKind.Crop)).Select(t => t.Value).ShouldBe([1]);
    }

    [Fact]
    public async Task Silos_that_write_to_one_gallery_at_once_take_turns()
    {
        using TempFolder keys = new();
        string master = Path.Combine(keys.Path, "key");
        await using PostgresCropStore first = new(_database.Connect(), master);
        await first.PutAsync("people", "ann", [new(new(1_000), ImageKind.Crop, [1])]); // Makes the master key.
        PostgresCropStore[] silos = [first, new(_database.Connect(), master), new(_database.Connect(), master)];
        await Task.WhenAll(Enumerable.Range(0, 90).Select(i => silos[i % 3].PutAsync("people", $"person-{i % 7}", [new(new(i), ImageKind.Crop, [(byte)i])]).AsTask()));
        RetainedImages read = await silos[1].ReadAsync("people", [.. Enumerable.Range(0, 90).Select(i => new TemplateId(i))], ImageKind.Crop);
        read.Damaged.ShouldBeEmpty();
        read.Images.Select(i => (i.Template.Value, i.Bytes[0])).ShouldBe(Enumerable.Range(0, 90).Select(i => ((long)i, (byte)i)));
        foreach (PostgresCropStore silo in silos[1..])
            await silo.DisposeAsync();
    }

    private sealed class Fixture(TestDatabase database, PostgresCropStoreTests tests) : CropStoreFixture
    {
        private readonly TempFolder _keys = new();
        private PostgresCropStore? _open;

        public override async ValueTask<ICropStore> ConnectAsync()
        {
            if (_open is not null)
                await _open.DisposeAsync();
            return _open = new PostgresCropStore(database.Connect(), Path.Combine(_keys.Path, "master.key"));
        }

        public override async ValueTask<IReadOnlyList<byte[]>> BytesAsync()
        {
            tests._wrapped = await FaceSearch.Tests.Servers.PostgresServer.ExecuteAsync(database.ConnectionString, "SELECT wrapped FROM facesearch.crops_1_keys WHERE template = 1") as byte[] ?? [];
            return await database.Server.TableFilesAsync(database.ConnectionString);
        }

        public override async ValueTask DamageImagesAsync() =>
            await FaceSearch.Tests.Servers.PostgresServer.ExecuteAsync(database.ConnectionString, "UPDATE facesearch.crops_1_images SET body = set_byte(body, length(body) - 1, get_byte(body, length(body) - 1) # 1)");

        public override async ValueTask DisposeAsync()
        {
            if (_open is not null)
                await _open.DisposeAsync();
            await database.DisposeAsync();
            _keys.Dispose();
        }
    }
}
