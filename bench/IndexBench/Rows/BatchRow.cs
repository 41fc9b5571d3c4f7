using System.Globalization;
using FaceSearch.IndexBench.Data;
using FaceSearch.IndexBench.Reports;
using FaceSearch.IndexBench.Workers;

namespace FaceSearch.IndexBench.Rows;

/// <summary>Exact scan, one query at a time against 32 at once: one pass over memory serves them all.</summary>
internal static class BatchRow
{
    public static void Run(DataSet set, BenchSettings settings)
    {
        using Worker flat = Worker.FaceSearch();
        flat.Ask($"load base {set.BasePath} {DataSet.Dimension}");
        flat.Ask($"load queries {set.QueryPath} {DataSet.Dimension}");
        flat.Ask($"new flat memory {set.Count} {BenchSettings.M} {BenchSettings.EfConstruction}");
        flat.Ask($"add base 0 {set.Count} 0 {BenchSettings.Threads}");
        flat.Pin(settings.Core.ToString(CultureInfo.InvariantCulture));
        int[] sizes = [1, 4, 8, 32];
        int queries = Math.Clamp(20_000_000 / set.Count / 32 * 32, 64, 1024);
        List<double>[] speeds = [.. sizes.Select(_ => new List<double>())];
        foreach (int size in sizes) flat.Ask($"batch 10 0 {queries} {size}");
        for (int round = 0; round < settings.Rounds; round++)
        {
            for (int s = 0; s < sizes.Length; s++) speeds[s].Add(queries / flat.Ask($"batch 10 0 {queries} {sizes[s]}")["busy"]);
        }

        var table = new ResultTable($"batch-{set.Name}", $"Exact scan of many queries at once, {set.Name}", "queries a pass", "queries/s", "ns a vector and query")
        {
            Note = $"k = 10, one pinned thread, processor time, medians of {settings.Rounds} interleaved rounds.",
        };
        for (int s = 0; s < sizes.Length; s++) table.Add(sizes[s], speeds[s].Median(), 1e9 / speeds[s].Median() / set.Count);
        table.Write(settings);
        Findings.Report(settings, new Finding($"batch of 32, exact scan {set.Name}: queries/s against one at a time", set.Count >= 1_000_000 ? "at least" : Finding.NoTarget, 3, speeds[^1].Median() / speeds[0].Median(),
            $"{speeds[^1].Median():F0} against {speeds[0].Median():F0}"));
    }
}
