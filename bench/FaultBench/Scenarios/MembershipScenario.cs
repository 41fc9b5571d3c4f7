using FaceSearch.FaultBench.Servers;

namespace FaceSearch.FaultBench.Scenarios;

/// <summary>Silos that leave in good order (SIGTERM) and come back one after another, and a fourth that joins, gets its shards and leaves.</summary>
internal sealed class MembershipScenario : SiloScenario
{
    private static readonly TimeSpan MovesLast = TimeSpan.FromSeconds(40);

    public override string Name => "membership";

    public override string Fault => "rolling restart (SIGTERM, start) of all 3 silos; every fourth round a 4th silo joins, takes shards and leaves";

    public override string Pass => "0 wrong answers";

    public override string Unit => "leaves and joins";

    public override (int Short, int Long) Doses => (1, 20);

    protected override async Task RoundAsync(Stage stage, int round)
    {
        if (round % 4 == 3)
        {
            ServerNode fourth = stage.Cluster.AddSilo();
            await fourth.StartAsync();
            await Task.Delay(MovesLast);
            await LeaveAsync(stage, fourth);
            stage.Cluster.Silos.Remove(fourth);
            await fourth.DisposeAsync();
            return;
        }
        ServerNode silo = stage.Cluster.Silos[round % 4];
        await LeaveAsync(stage, silo);
        await silo.StartAsync();
    }

    private static async Task LeaveAsync(Stage stage, ServerNode silo)
    {
        int code = await silo.StopAsync();
        if (code != 0)
            stage.Ledger.Violate($"{silo.Name} ended with code {code} after SIGTERM");
        await BackAsync(stage, "back after it left", System.Diagnostics.Stopwatch.GetTimestamp(), Limit);
    }
}
