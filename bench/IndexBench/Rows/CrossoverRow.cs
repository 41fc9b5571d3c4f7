using System.Globalization;
using FaceSearch.IndexBench.Data;
using FaceSearch.IndexBench.Reports;
using FaceSearch.IndexBench.Workers;

namespace FaceSearch.IndexBench.Rows;

/// <summary>From how many vectors on the graph is faster than the exact scan, at several recalls.</summary>
internal static class CrossoverRow
{
    private static readonly int[] Sizes = [10_000, 25_000, 50_000, 100_000, 200_000, 400_000];
    private static readonly int[] Sweep = [16, 32, 64, 128, 256, 512];
    private static readonly double[] Recalls = [0.98, 0.996, 0.999];

    public static void Run(BenchSettings settings)
    {
        var table = new ResultTable("crossover", "Exact scan against graph", ["vectors", "exact scan, queries/s", .. Recalls.Select(r => $"graph at r@1 {r}, queries/s")])
        {
            Note = $"Face-like vectors, k = {GroundTruth.K}, one pinned thread, processor time, medians of {settings.Rounds} interleaved rounds.",
        };
        List<(double Size, double[] Ratio)> ratios = [];
        foreach (int size in Sizes)
        {
            DataSet set = DataSet.Open("face", size, settings);
            GroundTruth truth = GroundTruth.Of(set);
            using Worker flat = Engine("flat", set, settings), graph = Engine("hnsw", set, settings);
            SearchTrial.Setting[] sides = [new(flat, 1, null), .. Sweep.Select(ef => new SearchTrial.Setting(graph, ef, null))];
            IReadOnlyList<SearchTrial.Measured> measured = new SearchTrial(set, truth, settings).Run(sides);
            var curve = new Curve("graph", [.. measured.Skip(1).Select(m => m.Point(f => f.All))]);
            double[] speeds = [.. Recalls.Select(curve.QueriesAt)];
            table.Add([size, measured[0].QueriesPerSecond, .. speeds.Select(s => (object)s)]);
            ratios.Add((size, [.. speeds.Select(s => s / measured[0].QueriesPerSecond)]));
        }

        for (int r = 0; r < Recalls.Length; r++) Console.WriteLine($"crossover at r@1 {Recalls[r]}: {Crossover(ratios, r)}");
        table.Add(["**crossover**", "", .. Recalls.Select((_, r) => (object)Crossover(ratios, r))]);
        table.Write(settings);
    }

    /// <summary>Where the ratio graph : scan passes 1, by a straight line in logarithms.</summary>
    private static string Crossover(List<(double Size, double[] Ratio)> ratios, int recall)
    {
        if (ratios[0].Ratio[recall] >= 1) return $"below {ratios[0].Size:F0}";
        for (int i = 1; i < ratios.Count; i++)
        {
            (double low, double high) = (Math.Log(ratios[i - 1].Ratio[recall]), Math.Log(ratios[i].Ratio[recall]));
            if (high < 0 || double.IsNaN(high)) continue;
            double at = Math.Exp(Math.Log(ratios[i - 1].Size) + (-low / (high - low) * Math.Log(ratios[i].Size / ratios[i - 1].Size)));
            return at.ToString("F0", CultureInfo.InvariantCulture);
        }

        return $"above {ratios[^1].Size:F0}";
    }

    private static Worker Engine(string kind, DataSet set, BenchSettings settings)
    {
        Worker worker = Worker.FaceSearch();
        worker.Ask($"load base {set.BasePath} {DataSet.Dimension}");
        worker.Ask($"load queries {set.QueryPath} {DataSet.Dimension}");
        worker.Ask($"new {kind} memory {set.Count} {BenchSettings.M} {BenchSettings.EfConstruction}");
        worker.Ask($"add base 0 {set.Count} 0 {BenchSettings.Threads}");
        worker.Pin(settings.Core.ToString(CultureInfo.InvariantCulture));
        return worker;
    }
}
