using Azure.Data.Tables;
using FaceSearch.Storage.Azure;
using FaceSearch.Storage.Tests.Conformance;
using Orleans;
using Orleans.Messaging;
using Orleans.Runtime;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace FaceSearch.Storage.Tests.Azure;

public sealed class AzureBlobGrainStorageTests : GrainStorageConformance
{
    protected override async ValueTask<GrainStorageFixture> CreateStoreAsync() =>
        new AzureGrainFixture(await AzureStore.CreateAsync(), (options, serializer, activators) => new AzureBlobGrainStorage(options, serializer, activators), tables: false);
}

public sealed class AzureTableGrainStorageTests : GrainStorageConformance
{
    protected override async ValueTask<GrainStorageFixture> CreateStoreAsync() =>
        new AzureGrainFixture(await AzureStore.CreateAsync(), (options, serializer, activators) => new AzureTableGrainStorage(options, "service", serializer, activators), tables: true);
}

internal sealed class AzureGrainFixture(AzureStore store, Func<AzureStorageOptions, IGrainStorageSerializer, IActivatorProvider, IGrainStorage> connect, bool tables) : GrainStorageFixture
{
    public override IGrainStorage Connect(IGrainStorageSerializer serializer, IActivatorProvider activators) => connect(store.Options(), serializer, activators);

    public override async ValueTask<bool?> HoldsAsync(ReadOnlyMemory<byte> needle)
    {
        if (!tables)
            return await store.HoldsAsync(needle);
        List<TableEntity> all = await store.EntitiesAsync(store.Options().GrainTable);
        return all.Exists(e => e.Keys.Select(k => e[k]).OfType<byte[]>().Any(v => v.AsSpan().IndexOf(needle.Span) >= 0));
    }

    public override ValueTask DisposeAsync() => store.DisposeAsync();
}

public sealed class AzureMembershipTests : MembershipConformance
{
    protected override async ValueTask<MembershipFixture> CreateStoreAsync() => new Fixture(await AzureStore.CreateAsync());

    private sealed class Fixture(AzureStore store) : MembershipFixture
    {
        public override IMembershipTable Connect(string clusterId) => new AzureMembershipTable(store.Options(), clusterId);

        public override ValueTask DisposeAsync() => store.DisposeAsync();
    }
}

/// <summary>The names that Orleans' own providers give to things: with them the packages can take over the data.</summary>
public sealed class AzureLayoutTests : IAsyncLifetime
{
    private static readonly GrainId Grain = GrainId.Create("gallery", "people/1");
    private AzureStore _store = null!;

    public async ValueTask InitializeAsync() => _store = await AzureStore.CreateAsync();

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Fact]
    public async Task Grain_state_lies_where_orleans_own_providers_look_for_it()
    {
        TextSerializer serializer = new();
        GrainState<string> state = new() { State = new string('x', 100_000) };
        await new AzureBlobGrainStorage(_store.Options(), serializer, null!).WriteStateAsync("settings", Grain, state);
        (await _store.BytesAsync(_store.Options().GrainContainer)).ShouldContain(b => b.Name == "settings-gallery/people/1.json" && b.Bytes.Length == 100_000);

        state.ETag = null;
        await new AzureTableGrainStorage(_store.Options(), "facesearch", serializer, null!).WriteStateAsync("settings", Grain, state);
        TableEntity entity = (await _store.EntitiesAsync(_store.Options().GrainTable)).ShouldHaveSingleItem();
        (entity.PartitionKey, entity.RowKey).ShouldBe(("facesearch_gallery_people_1", "settings"));
        (entity.GetBinary("Data").Length, entity.GetBinary("Data1").Length).ShouldBe((65_536, 34_464));
    }

    [Fact]
    public async Task A_state_that_a_table_cannot_take_is_refused_by_its_size()
    {
        AzureTableGrainStorage storage = new(_store.Options(), "facesearch", new TextSerializer(), null!);
        (await Should.ThrowAsync<ArgumentException>(() => storage.WriteStateAsync("settings", Grain, new GrainState<string> { State = new string('x', 1_000_000) }))).Message.ShouldContain("983040");
    }

    [Fact]
    public async Task Silo_rows_and_the_version_row_are_named_as_orleans_names_them_and_gateways_are_found()
    {
        AzureMembershipTable table = new(_store.Options(), "c1");
        await table.InitializeMembershipTable(true);
        await InsertAsync(table, 11111, SiloStatus.Active, 30000);
        await InsertAsync(table, 11112, SiloStatus.Dead, 30001);
        await InsertAsync(table, 11113, SiloStatus.Active, 0);
        List<TableEntity> rows = await _store.EntitiesAsync(_store.Options().MembershipTable);
        rows.Select(r => (r.PartitionKey, r.RowKey)).ShouldBe([("c1", "127.0.0.1-11111-7"), ("c1", "127.0.0.1-11112-7"), ("c1", "127.0.0.1-11113-7"), ("c1", "VersionRow")], ignoreOrder: true);
        rows.Single(r => r.RowKey == "VersionRow").GetString("MembershipVersion").ShouldBe("3");

        AzureGatewayListProvider gateways = new(_store.Options(), "c1", TimeSpan.FromMinutes(1));
        await gateways.InitializeGatewayListProvider();
        (await gateways.GetGateways()).ShouldHaveSingleItem().ShouldBe(SiloAddress.New(System.Net.IPAddress.Loopback, 30000, 7).ToGatewayUri());
        (gateways.IsUpdatable, gateways.MaxStaleness).ShouldBe((true, TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public async Task Reminders_are_kept_by_grain_found_by_range_and_removed_under_their_etag_alone()
    {
        AzureReminderTable table = new(_store.Options(), "service", "c1"), other = new(_store.Options(), "service2", "c1");
        await table.Init();
        await other.Init();
        GrainId[] grains = [.. Enumerable.Range(0, 12).Select(i => GrainId.Create("gallery", $"people/{i}"))];
        DateTime start = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);
        foreach (GrainId grain in grains)
            await table.UpsertRow(new() { GrainId = grain, ReminderName = "tick", StartAt = start, Period = TimeSpan.FromMinutes(90) });
        await table.UpsertRow(new() { GrainId = grains[0], ReminderName = "tock", StartAt = start, Period = TimeSpan.FromMinutes(1) });
        await other.UpsertRow(new() { GrainId = grains[0], ReminderName = "tick", StartAt = start, Period = TimeSpan.FromMinutes(1) });

        ReminderEntry read = (await table.ReadRow(grains[3], "tick"))!;
        (read.GrainId, read.ReminderName, read.StartAt, read.Period).ShouldBe((grains[3], "tick", start, TimeSpan.FromMinutes(90)));
        (await table.ReadRow(grains[3], "none")).ShouldBeNull();
        (await table.ReadRows(grains[0])).Reminders.Select(r => r.ReminderName).ShouldBe(["tick", "tock"], ignoreOrder: true);
        (await table.ReadRows(0, 0)).Reminders.Count.ShouldBe(13);
        uint[] hashes = [.. grains.Select(g => g.GetUniformHashCode()).Order()];
        (await table.ReadRows(hashes[2], hashes[5])).Reminders.Select(r => r.GrainId.GetUniformHashCode()).Distinct().Order().ShouldBe(hashes[3..6]);
        (await table.ReadRows(hashes[9], hashes[1])).Reminders.Select(r => r.GrainId.GetUniformHashCode()).Distinct().Order().ShouldBe([.. hashes[..2], .. hashes[10..]]);

        string etag = (await table.UpsertRow(new() { GrainId = grains[3], ReminderName = "tick", StartAt = start, Period = TimeSpan.FromMinutes(5) }))!;
        (await table.RemoveRow(grains[3], "tick", read.ETag!)).ShouldBeFalse();
        (await table.RemoveRow(grains[3], "tick", etag)).ShouldBeTrue();
        (await table.RemoveRow(grains[3], "tick", etag)).ShouldBeFalse();
        TableEntity row = (await _store.EntitiesAsync(_store.Options().ReminderTable)).First(e => e.GetString("GrainReference") == grains[5].ToString());
        (row.PartitionKey, row.RowKey).ShouldBe(($"service_{grains[5].GetUniformHashCode():X8}", "gallery_people_5-tick"));
    }

    private static async Task InsertAsync(AzureMembershipTable table, int port, SiloStatus status, int gateway) =>
        (await table.InsertRow(new()
        {
            SiloAddress = SiloAddress.New(System.Net.IPAddress.Loopback, port, 7),
            HostName = "host",
            SiloName = "silo",
            Status = status,
            ProxyPort = gateway,
            StartTime = DateTime.UnixEpoch,
            IAmAliveTime = DateTime.UnixEpoch,
        }, (await table.ReadAll()).Version.Next())).ShouldBeTrue();

    private sealed class TextSerializer : IGrainStorageSerializer
    {
        public BinaryData Serialize<T>(T? input) => BinaryData.FromString((string)(object)input!);

        public T Deserialize<T>(BinaryData input) => (T)(object)input.ToString();
    }
}
