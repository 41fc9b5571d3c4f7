using System.Diagnostics;
using FaceSearch.FaultBench.Load;
using FaceSearch.FaultBench.Servers;

namespace FaceSearch.FaultBench.Scenarios;

/// <summary>
/// A cluster of the version before becomes one of the version under test, process by process (silos, then gateways), and then goes back again
/// (gateways, then silos). After each exchange both versions serve side by side, and everything is held against the ledger through every process.
/// </summary>
internal sealed class UpgradeScenario : SiloScenario
{
    private const int Sample = 40;

    public override string Name => "upgrade";

    public override string Fault => "rolling upgrade of 3 silos and 2 gateways from one version to another, and the roll-back";

    public override string Pass => "0 wrong answers from a cluster of two versions";

    public override string Unit => "processes exchanged";

    public override (int Short, int Long) Doses => (10, 40);

    public override bool NeedsBefore => true;

    protected override async Task RoundAsync(Stage stage, int round)
    {
        ServerNode[] order = [.. stage.Cluster.Silos, .. stage.Cluster.Gateways];
        (string before, string after) = (stage.Run.BeforeDll!, stage.Run.SiloDll);
        if (round == 0)
            await PrepareAsync(stage, before, after);
        (int lap, int step) = Math.DivRem(round, order.Length);
        bool forth = lap % 2 == 0;
        ServerNode node = order[forth ? step : order.Length - 1 - step];
        int code = await node.StopAsync();
        if (code != 0)
            stage.Ledger.Violate($"{node.Name} ended with code {code} after SIGTERM");
        node.Program = forth ? after : before;
        await node.StartAsync();
        await BackAsync(stage, forth ? "back after an upgrade" : "back after a roll-back", Stopwatch.GetTimestamp(), Limit);
        ApiClient[] all = [.. order.Select(n => n.Client)];
        Person[] people = [.. stage.Ledger.People.OrderBy(_ => stage.Random.Next()).Take(Sample)];
        foreach (ApiClient door in all)
            await Checks.FindAsync(stage.Ledger, [door], people);
        string key = order.Select(n => n.Program).Distinct().Count() == 2 ? "exchanges after which two versions served" : "exchanges after which one version served";
        stage.Row.Counts[key] = stage.Row.Counts.GetValueOrDefault(key) + 1;
    }

    private static async Task PrepareAsync(Stage stage, string before, string after)
    {
        (string old, string now) = (Version(before), Version(after));
        if (old == now)
            throw new InvalidOperationException($"Both versions are {now}: nothing would be shown.");
        stage.Row.Notes = [$"from {old} to {now}, and back"];
        await stage.Cluster.ApplySchemaAsync(after);
    }

    /// <summary>With the commit, which the build appends.</summary>
    private static string Version(string dll) => FileVersionInfo.GetVersionInfo(dll).ProductVersion ?? "unknown";
}
