using System.Runtime.InteropServices;
using FaceSearch.IndexBench.Data;
using FaceSearch.IndexBench.Reports;
using FaceSearch.IndexBench.Workers;

namespace FaceSearch.IndexBench.Rows;

/// <summary>Building on two threads, in twenty alternating portions, and the recall of what was built at equal ef. Saves both indexes for the other rows.</summary>
internal static class BuildRow
{
    private const int Portions = 20;
    private static readonly int[] EqualEf = [32, 64, 128, 256];

    public static void Run(DataSet set, BenchSettings settings)
    {
        GroundTruth truth = GroundTruth.Of(set);
        using Duel duel = Duel.Empty(set, settings);
        Dictionary<Worker, double> before = [], after = [];
        foreach (Worker side in duel.Both)
        {
            before[side] = side.Ask("memory")["anon"];
            side.Ask($"new hnsw memory {duel.Capacity} {BenchSettings.M} {(side == duel.Ours ? BenchSettings.EfConstruction : BenchSettings.PeerEfConstruction)}");
        }

        Dictionary<Worker, List<Answer>> portions = duel.Both.ToDictionary(s => s, _ => new List<Answer>());
        for (int p = 0; p < Portions; p++)
        {
            (int from, int to) = ((int)((long)set.Count * p / Portions), (int)((long)set.Count * (p + 1) / Portions));
            foreach (Worker side in duel.InOrder(p)) portions[side].Add(side.Ask($"add base {from} {to} 0 {BenchSettings.Threads}"));
            Console.WriteLine($"  built {to} of {set.Count}");
        }

        foreach (Worker side in duel.Both)
        {
            File.Delete(Duel.SavedPath(set, side.Name, settings));
            after[side] = side.Ask("memory")["anon"];
            side.Ask($"save {Duel.SavedPath(set, side.Name, settings)}");
        }

        Report(set, settings, truth, duel, portions, side => (after[side] - before[side]) / set.Count);
    }

    private static void Report(DataSet set, BenchSettings settings, GroundTruth truth, Duel duel, Dictionary<Worker, List<Answer>> portions, Func<Worker, double> bytes)
    {
        double Cpu(Worker side) => portions[side].Sum(a => a["cpu"]);
        double Wall(Worker side) => portions[side].Sum(a => a["wall"]);
        var table = new ResultTable($"build-{set.Name}", $"Build on {BenchSettings.Threads} threads, {set.Name}",
            ["index", "inserts/s (processor time)", "inserts/s (wall)", "bytes/vector, as built", .. EqualEf.Select(ef => $"r@1 at ef {ef}")])
        {
            Note = $"{Portions} portions, the sides alternating. Processor time: inserts / (process time / {BenchSettings.Threads}). Recall over {set.QueryCount} queries.",
        };
        Dictionary<Worker, Found[]> found = [];
        foreach (Worker side in duel.Both)
        {
            found[side] = [.. EqualEf.Select(ef => RecallAt(set, settings, truth, side, ef))];
            table.Add([side.Name, set.Count * BenchSettings.Threads / Cpu(side), set.Count / Wall(side), bytes(side), .. found[side].Select(f => (object)f.All)]);
        }

        table.Write(settings);
        double median = portions[duel.Ours].Zip(portions[duel.Peer], (o, p) => p["cpu"] / o["cpu"]).Median();
        double advantage = found[duel.Ours].Zip(found[duel.Peer], (o, p) => o.All - p.All).Average();
        Findings.Report(settings,
            new Finding($"build {set.Name}: inserts/s on {BenchSettings.Threads} threads", set.HasTargets ? "at least" : Finding.NoTarget, 2, Cpu(duel.Peer) / Cpu(duel.Ours),
                $"processor time; median of the portions {median:F2}, wall {Wall(duel.Peer) / Wall(duel.Ours):F2}"),
            new Finding($"build {set.Name}: mean r@1 advantage at equal ef", set.HasTargets ? "at least" : Finding.NoTarget, 0, advantage, string.Join(", ", EqualEf.Select((ef, i) => $"ef {ef}: {found[duel.Ours][i].All:F4} / {found[duel.Peer][i].All:F4}"))));
    }

    /// <summary>Recall of a side over all queries at one ef.</summary>
    public static Found RecallAt(DataSet set, BenchSettings settings, GroundTruth truth, Worker side, int ef)
    {
        string path = Path.Combine(settings.WorkFolder, $"recall-{Environment.ProcessId}.i32");
        Answer answer = side.Ask($"search {ef} {GroundTruth.K} 0 {set.QueryCount} {BenchSettings.Threads} - {path}");
        Found found = new SearchTrial(set, truth, settings).Judge(MemoryMarshal.Cast<byte, int>(File.ReadAllBytes(path)), 0, set.QueryCount, answer);
        File.Delete(path);
        return found;
    }
}
