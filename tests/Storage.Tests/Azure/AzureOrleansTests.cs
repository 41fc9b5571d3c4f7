using System.Net;
using Azure.Data.Tables;
using FaceSearch.Storage.Azure;
using FaceSearch.Storage.Tests.Conformance;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Messaging;
using Orleans.Runtime;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace FaceSearch.Storage.Tests.Azure;

public sealed class AzureBlobGrainStorageTests : GrainStorageConformance
{
    protected override async ValueTask<GrainStorageFixture> CreateStoreAsync() => new AzureGrainFixture(await AzureStore.CreateAsync(), AzureGrainStore.Blobs);
}

public sealed class AzureTableGrainStorageTests : GrainStorageConformance
{
    protected override async ValueTask<GrainStorageFixture> CreateStoreAsync() => new AzureGrainFixture(await AzureStore.CreateAsync(), AzureGrainStore.Tables);
}

/// <summary>Orleans' own providers, as a silo has them.</summary>
internal sealed class AzureGrainFixture(AzureStore store, AzureGrainStore grains) : GrainStorageFixture
{
    private readonly List<IHost> _silos = [];

    public override IGrainStorage Connect(IGrainStorageSerializer serializer, IActivatorProvider activators)
    {
        IHost silo = AzureHosts.Silo(store.Options(grains: grains), more: s => s.Services.AddSingleton(serializer).AddSingleton(activators));
        _silos.Add(silo);
        var storage = silo.Services.GetRequiredKeyedService<IGrainStorage>("Default");
        storage.GetType().Assembly.GetName().Name.ShouldBe("Orleans.Persistence.AzureStorage");
        SiloLifecycle.Start(storage);
        return storage;
    }

    public override async ValueTask<bool?> HoldsAsync(ReadOnlyMemory<byte> needle)
    {
        if (grains == AzureGrainStore.Blobs)
            return await store.HoldsAsync(needle);
        List<TableEntity> all = await store.EntitiesAsync(store.Options().GrainTable);
        return all.Exists(e => e.Keys.Select(k => e[k]).OfType<byte[]>().Any(v => v.AsSpan().IndexOf(needle.Span) >= 0));
    }

    public override ValueTask DisposeAsync()
    {
        _silos.ForEach(s => s.Dispose());
        return store.DisposeAsync();
    }
}

public sealed class AzureMembershipTests : MembershipConformance
{
    protected override async ValueTask<MembershipFixture> CreateStoreAsync() => new Fixture(await AzureStore.CreateAsync());

    private sealed class Fixture(AzureStore store) : MembershipFixture
    {
        private readonly List<IHost> _silos = [];

        public override IMembershipTable Connect(string clusterId)
        {
            IHost silo = AzureHosts.Silo(store.Options(), clusterId);
            _silos.Add(silo);
            var table = silo.Services.GetRequiredService<IMembershipTable>();
            table.GetType().Assembly.GetName().Name.ShouldBe("Orleans.Clustering.AzureStorage");
            return table;
        }

        public override ValueTask DisposeAsync()
        {
            _silos.ForEach(s => s.Dispose());
            return store.DisposeAsync();
        }
    }
}

public sealed class AzureDiscoveryTests : IAsyncLifetime
{
    private readonly List<IHost> _hosts = [];
    private AzureStore _store = null!;

    public async ValueTask InitializeAsync() => _store = await AzureStore.CreateAsync();

    public ValueTask DisposeAsync()
    {
        _hosts.ForEach(h => h.Dispose());
        return _store.DisposeAsync();
    }

    [Fact]
    public async Task A_client_finds_the_active_silos_that_take_clients()
    {
        var table = Keep(AzureHosts.Silo(_store.Options())).GetRequiredService<IMembershipTable>();
        await table.InitializeMembershipTableAsync(true, Cancellation);
        await InsertAsync(table, 11111, SiloStatus.Active, 30000);
        await InsertAsync(table, 11112, SiloStatus.Dead, 30001);
        await InsertAsync(table, 11113, SiloStatus.Active, 0);

        var gateways = Keep(AzureHosts.Client(_store.Options(), TimeSpan.FromMinutes(2))).GetRequiredService<IGatewayListProvider>();
        await gateways.InitializeGatewayListProvider();
        (await gateways.GetGateways()).ShouldHaveSingleItem().ShouldBe(SiloAddress.New(IPAddress.Loopback, 30000, 7).ToGatewayUri());
        gateways.MaxStaleness.ShouldBe(TimeSpan.FromMinutes(2));
    }

    [Fact]
    public async Task Reminders_are_kept_by_grain_found_by_range_and_removed_under_their_etag_alone()
    {
        IReminderTable table = await RemindersAsync("service"), other = await RemindersAsync("service2");
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
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private async Task<IReminderTable> RemindersAsync(string service)
    {
        var table = Keep(AzureHosts.Silo(_store.Options(), service: service)).GetRequiredService<IReminderTable>();
        table.GetType().Assembly.GetName().Name.ShouldBe("Orleans.Reminders.AzureStorage");
        await table.StartAsync(Cancellation);
        return table;
    }

    private IServiceProvider Keep(IHost host)
    {
        _hosts.Add(host);
        return host.Services;
    }

    private static async Task InsertAsync(IMembershipTable table, int port, SiloStatus status, int gateway) =>
        (await table.InsertRowAsync(new()
        {
            SiloAddress = SiloAddress.New(IPAddress.Loopback, port, 7),
            HostName = "host",
            SiloName = "silo",
            Status = status,
            ProxyPort = gateway,
            StartTime = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc),
            IAmAliveTime = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc),
        }, (await table.ReadAllAsync(Cancellation)).Version.Next(), Cancellation)).ShouldBeTrue();
}
