using System.Net;
using FaceSearch.EndToEnd.Tests.Durability;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Cluster;

/// <summary>Stopping in good order; rolling restarts under load are a fault run (membership) of tests/Faults.Tests.</summary>
[Trait("Category", "Slow")]
public sealed class DrainTests
{
    [Fact]
    public async Task A_gateway_that_is_told_to_stop_is_not_ready_at_once_and_serves_until_that_has_been_seen()
    {
        await using SiloCluster cluster = await SiloCluster.OnPostgresAsync();
        (await cluster.DatabaseAsync("apply")).Code.ShouldBe(0);
        await cluster.AddSiloAsync("--Silo:Role=Silo");
        ServerProcess gateway = await cluster.AddGatewayAsync("--Silo:DrainDelay=0:00:05");
        await gateway.CreateGalleryAsync("drained");
        await gateway.EnrolAsync("drained", Api.Name(1), Synthetic.Face(1));
        Task<int> stopping = gateway.StopAsync();
        await gateway.WaitAsync(async () => (await gateway.Http.GetAsync("/health/ready")).StatusCode == HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(4));
        Ledger.Best(await gateway.IdentifyAsync("drained", Synthetic.Face(1))).ShouldBe(Api.Name(1));
        (await stopping).ShouldBe(0, gateway.Output);
    }
}
