using System.Net;
using System.Net.Sockets;
using Azure.Data.Tables;
using FaceSearch.Storage.Azure;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Storage;

namespace FaceSearch.Storage.Tests.Azure;

public sealed class AzureHostingTests : IAsyncLifetime
{
    private AzureStore _store = null!;

    public async ValueTask InitializeAsync() => _store = await AzureStore.CreateAsync();

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Fact]
    public async Task Two_silos_find_each_other_and_their_storage_in_the_account()
    {
        AzureStorageOptions options = _store.Options();
        using IHost first = Silo(options), second = Silo(options);
        await first.StartAsync(TestContext.Current.CancellationToken);
        await second.StartAsync(TestContext.Current.CancellationToken);
        List<TableEntity> rows = await _store.EntitiesAsync(options.MembershipTable);
        rows.Count(r => r.RowKey != "VersionRow" && r.GetString("Status") == nameof(SiloStatus.Active)).ShouldBe(2);

        var storage = first.Services.GetRequiredKeyedService<IGrainStorage>("Default");
        var state = new GrainState<Dictionary<string, string>> { State = new() { ["a"] = "b" } };
        GrainId grain = GrainId.Create("gallery", "people");
        await storage.WriteStateAsync("settings", grain, state);
        var read = new GrainState<Dictionary<string, string>>();
        await second.Services.GetRequiredKeyedService<IGrainStorage>("Default").ReadStateAsync("settings", grain, read);
        (read.State!["a"], read.ETag).ShouldBe(("b", state.ETag));
        first.Services.GetRequiredService<ISnapshotStore>().ShouldBeOfType<AzureSnapshotStore>();
        first.Services.GetRequiredService<ICropStore>().ShouldBeOfType<AzureCropStore>();
        await using (ITemplateLog log = await first.Services.GetRequiredService<ITemplateLogProvider>().OpenAsync(new("people", 1, 0), TestContext.Current.CancellationToken))
            log.Epoch.ShouldBe(1);
        await second.StopAsync(TestContext.Current.CancellationToken);
        await first.StopAsync(TestContext.Current.CancellationToken);
        (await _store.EntitiesAsync(options.MembershipTable)).Count(r => r.RowKey != "VersionRow" && r.GetString("Status") == nameof(SiloStatus.Active)).ShouldBe(0);
    }

    private static IHost Silo(AzureStorageOptions options) => AzureHosts.Silo(options, more: s => s.ConfigureEndpoints(IPAddress.Loopback, FreePort(), FreePort()));

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
