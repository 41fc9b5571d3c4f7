using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using FaceSearch.EndToEnd.Tests.Durability;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Cluster;

/// <summary>Silos without an HTTP API, and a gateway without data, as processes.</summary>
[Trait("Category", "Slow")]
public sealed class RoleTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("Postgres")]
    [InlineData("Azure")]
    [InlineData("Redis")]
    public async Task A_gateway_finds_the_silos_and_spreads_the_identifications_of_one_gallery_over_them(string membership)
    {
        await using SiloCluster cluster = await (membership switch
        {
            "Postgres" => SiloCluster.OnPostgresAsync(),
            "Azure" => SiloCluster.OnAzureAsync(),
            _ => SiloCluster.OnRedisAsync(),
        });
        if (membership == "Postgres")
            (await cluster.DatabaseAsync("apply")).Code.ShouldBe(0);
        ServerProcess[] silos = [await cluster.AddSiloAsync("--Silo:Role=Silo"), await cluster.AddSiloAsync("--Silo:Role=Silo")];
        ServerProcess gateway = await cluster.AddGatewayAsync();
        await gateway.CreateGalleryAsync("spread", new { shards = 2 });
        await gateway.EnrolAsync("spread", Api.Name(1), Synthetic.Face(1));
        foreach (ServerProcess silo in silos)
        {
            // Whoever merges the answers of the shards counts them.
            await gateway.WaitAsync(async () =>
            {
                Ledger.Best(await gateway.SendAsync(HttpMethod.Post, "/api/v1/galleries/spread/identify", JsonContent.Create(new { embedding = Synthetic.Face(1), timeoutMs = 20_000 }))).ShouldBe(Api.Name(1));
                return (await silo.Http.GetStringAsync("/metrics")).Contains("facesearch_shard_answers_total", StringComparison.Ordinal);
            }, Limit);
        }
    }

    [Fact]
    public async Task Through_a_gateway_a_killed_silo_is_over_within_30_seconds_and_nothing_acknowledged_is_lost()
    {
        await using SiloCluster cluster = await SiloCluster.OnPostgresAsync();
        (await cluster.DatabaseAsync("apply")).Code.ShouldBe(0);
        // First of all: it waits for the silos.
        Task<ServerProcess> starting = cluster.AddGatewayAsync();
        ServerProcess[] silos = [await cluster.AddSiloAsync("--Silo:Role=Silo"), await cluster.AddSiloAsync("--Silo:Role=Silo")];
        ServerProcess gateway = await starting;
        foreach (ServerProcess silo in silos)
        {
            (await silo.TrySendAsync(HttpMethod.Get, "/api/v1/galleries", null)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
            (await silo.TrySendAsync(HttpMethod.Get, "/metrics", null)).StatusCode.ShouldBe(HttpStatusCode.OK);
        }
        await gateway.CreateGalleryAsync("ledger", new { shards = 4 });
        Ledger ledger = new();
        using CancellationTokenSource stop = new();
        Task[] clients = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(() => ledger.WorkAsync(gateway, gateway, stop.Token)))];
        await gateway.WaitAsync(() => Task.FromResult(ledger.Acknowledged >= 150), TimeSpan.FromMinutes(2));
        (int Person, bool Erased)[] before = ledger.Settled();
        Stopwatch since = Stopwatch.StartNew();
        await silos[0].KillAsync();
        foreach ((int person, bool erased) in before)
            await Ledger.FindAsync(gateway, person, erased, since);
        since.Elapsed.ShouldBeLessThan(Limit);
        TestContext.Current.TestOutputHelper!.WriteLine($"{before.Length} people found {since.Elapsed.TotalSeconds:f1} s after the kill");
        await stop.CancelAsync();
        await Task.WhenAll(clients);
        await ledger.SettleAsync(gateway);
        foreach ((int person, bool erased) in ledger.Settled())
            await Ledger.FindAsync(gateway, person, erased, Stopwatch.StartNew());

        await silos[1].KillAsync();
        await gateway.WaitAsync(async () => (await gateway.Http.GetAsync("/health/ready")).StatusCode == HttpStatusCode.ServiceUnavailable, Limit);
        using (HttpResponseMessage refused = await gateway.TrySendAsync(HttpMethod.Post, "/api/v1/galleries/ledger/identify", JsonContent.Create(new { embedding = Synthetic.Face(1) })))
        {
            refused.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            refused.Headers.RetryAfter.ShouldNotBeNull();
        }
        await silos[1].StartAgainAsync();
        await gateway.WaitAsync(async () => (await gateway.Http.GetAsync("/health/ready")).IsSuccessStatusCode, TimeSpan.FromMinutes(1));
        foreach ((int person, bool erased) in ledger.Settled().Take(20))
            await Ledger.FindAsync(gateway, person, erased, Stopwatch.StartNew());
    }
}
