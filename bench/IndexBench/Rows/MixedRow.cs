using FaceSearch.IndexBench.Data;
using FaceSearch.IndexBench.Reports;
using FaceSearch.IndexBench.Workers;

namespace FaceSearch.IndexBench.Rows;

/// <summary>One thread inserts while another searches (ef = 64).</summary>
internal static class MixedRow
{
    private const int Ef = 64;

    public static void Run(DataSet set, BenchSettings settings)
    {
        using Duel duel = Duel.WithIndexes(set, settings);
        int extra = set.Extra.Length / DataSet.Dimension, portion = Math.Min(2000, extra / settings.Rounds);
        Dictionary<Worker, List<(double Inserts, double Queries)>> cpu = duel.Both.ToDictionary(s => s, _ => new List<(double, double)>());
        Dictionary<Worker, List<(double Inserts, double Queries)>> wall = duel.Both.ToDictionary(s => s, _ => new List<(double, double)>());
        foreach (Worker side in duel.Both) side.Ask($"search {Ef} 10 0 {Math.Min(2000, set.QueryCount)} 1 - -");
        for (int round = 0; round < settings.Rounds; round++)
        {
            foreach (Worker side in duel.InOrder(round))
            {
                Answer a = side.Ask($"mixed extra {round * portion} {(round + 1) * portion} {set.Count} {Ef}");
                cpu[side].Add((portion / a["insert_cpu"], a["queries"] / a["search_cpu"]));
                wall[side].Add((portion / a["wall"], a["queries"] / a["wall"]));
            }
        }

        var table = new ResultTable($"mixed-{set.Name}", $"Insert while searching, {set.Name}", "index", "inserts/s", "queries/s", "inserts/s (wall)", "queries/s (wall)")
        {
            Note = $"One inserting and one searching thread, ef = {Ef}, k = 10; {portion} inserts a round, medians of {settings.Rounds} alternating rounds; processor time of each thread, and wall time.",
        };
        foreach (Worker side in duel.Both)
        {
            table.Add(side.Name, cpu[side].Select(x => x.Inserts).Median(), cpu[side].Select(x => x.Queries).Median(),
                wall[side].Select(x => x.Inserts).Median(), wall[side].Select(x => x.Queries).Median());
        }

        table.Write(settings);
        double Ratio(Func<(double Inserts, double Queries), double> of) => cpu[duel.Ours].Zip(cpu[duel.Peer], (o, p) => of(o) / of(p)).Median();
        Findings.Report(settings,
            new Finding($"insert while searching {set.Name}: inserts/s", "at least", 2, Ratio(x => x.Inserts), "processor time of the inserting thread"),
            new Finding($"insert while searching {set.Name}: queries/s", "at least", 2, Ratio(x => x.Queries), "processor time of the searching thread"));
    }
}
