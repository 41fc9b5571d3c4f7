using System.Diagnostics;
using FaceSearch.FaultBench.Servers;

namespace FaceSearch.FaultBench.Scenarios;

/// <summary>kill -9 of a random silo. Every second time it is started again at once, as a service manager would; else when the others have taken over.</summary>
internal sealed class KillScenario : SiloScenario
{
    public override string Name => "kill";

    public override string Fault => "kill -9 of a random silo of 3, under enrol, erase and identify";

    public override string Pass => "0 acknowledged lost, 0 erased returned, 0 duplicates, back within 30 s";

    public override string Unit => "kills";

    public override (int Short, int Long) Doses => (2, 100);

    protected override async Task RoundAsync(Stage stage, int round)
    {
        await Task.Delay(stage.Random.Next(300, 2_000));
        ServerNode victim = stage.Cluster.Silos[stage.Random.Next(stage.Cluster.Silos.Count)];
        long since = Stopwatch.GetTimestamp();
        await victim.KillAsync();
        if (round % 2 == 0)
            victim.Launch();
        await BackAsync(stage, round % 2 == 0 ? "back, restarted at once" : "back, by the others", since, Limit);
        if (round % 2 != 0)
            victim.Launch();
    }
}
