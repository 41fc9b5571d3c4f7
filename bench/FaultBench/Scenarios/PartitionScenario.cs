using System.Diagnostics;
using FaceSearch.FaultBench.Load;
using FaceSearch.FaultBench.Network;

namespace FaceSearch.FaultBench.Scenarios;

/// <summary>
/// One silo of three, each in a network namespace of its own, is cut off: from everything, from its peers alone (it still reaches PostgreSQL), in one
/// direction, or on and off. Packets are lost silently, as on a broken link.
/// </summary>
internal sealed class PartitionScenario : SiloScenario
{
    private static readonly Condition Lost = new(Loses: true), LostPeers = new(LosesPeers: true);

    private static readonly (string Name, Func<Wire, TimeSpan, Task> Cut)[] Kinds =
    [
        ("split", (w, hold) => HoldAsync(w, Lost, Lost, hold)),
        ("one way, out lost", (w, hold) => HoldAsync(w, Lost, default, hold)),
        ("one way, in lost", (w, hold) => HoldAsync(w, default, Lost, hold)),
        ("flapping", FlapAsync),
        ("split from peers", (w, hold) => HoldAsync(w, LostPeers, LostPeers, hold)),
        ("one way to peers", (w, hold) => HoldAsync(w, LostPeers, default, hold)),
    ];

    public override string Name => "partition";

    public override string Fault => "one silo of 3 cut off for 25 s (short dose: 12 s): split, split from peers only, one way, flapping";

    public override string Pass => "0 lost; never two epochs accepted for one shard; back within 90 s of healing";

    public override string Unit => "partitions";

    public override (int Short, int Long) Doses => (1, 60);

    public override bool IsWired => true;

    protected override async Task RoundAsync(Stage stage, int round)
    {
        int victim = stage.Random.Next(stage.Cluster.Silos.Count);
        Wire wire = stage.Cluster.Wires[victim];
        (string name, Func<Wire, TimeSpan, Task> cut) = Kinds[round % Kinds.Length];
        stage.Run.Progress.Note($"{name}: {stage.Cluster.Silos[victim].Name}");
        await Task.Delay(stage.Random.Next(300, 1_500));
        await cut(wire, TimeSpan.FromSeconds(stage.Run.IsLong ? 25 : 12));
        long since = Stopwatch.GetTimestamp();
        wire.Heal();
        await BackAsync(stage, $"back after {name}", since, SilentLimit);
        stage.Row.Counts[name] = stage.Row.Counts.GetValueOrDefault(name) + 1;
    }

    private static Task HoldAsync(Wire wire, Condition leaving, Condition arriving, TimeSpan hold)
    {
        wire.Set(leaving, arriving);
        return Task.Delay(hold);
    }

    private static async Task FlapAsync(Wire wire, TimeSpan hold)
    {
        long begin = Stopwatch.GetTimestamp();
        for (bool cut = true; Stopwatch.GetElapsedTime(begin) < hold; cut = !cut)
        {
            wire.Set(cut ? Lost : default, cut ? Lost : default);
            await Task.Delay(TimeSpan.FromSeconds(cut ? 3 : 2));
        }
    }
}
