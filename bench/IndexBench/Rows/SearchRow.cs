using FaceSearch.IndexBench.Data;
using FaceSearch.IndexBench.Reports;
using FaceSearch.IndexBench.Workers;

namespace FaceSearch.IndexBench.Rows;

/// <summary>Recall against speed, one thread pinned: our graph, our exact scan, hnswlib; compared at equal recall.</summary>
internal static class SearchRow
{
    private static readonly int[] Sweep = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];

    public static void Run(DataSet set, BenchSettings settings)
    {
        GroundTruth truth = GroundTruth.Of(set);
        using Duel duel = Duel.WithIndexes(set, settings);
        using Worker flat = Worker.FaceSearch();
        flat.Ask($"load base {set.BasePath} {DataSet.Dimension}");
        flat.Ask($"load queries {set.QueryPath} {DataSet.Dimension}");
        flat.Ask($"new flat memory {duel.Capacity} {BenchSettings.M} {BenchSettings.EfConstruction}");
        flat.Ask($"add base 0 {set.Count} 0 {BenchSettings.Threads}");
        duel.PinToOneCore();
        flat.Pin(settings.Core.ToString(System.Globalization.CultureInfo.InvariantCulture));
        List<SearchTrial.Setting> sides = [new(flat, 1, null)];
        foreach (int ef in Sweep)
        {
            foreach (Worker side in duel.Both) sides.Add(new(side, ef, null));
        }

        IReadOnlyList<SearchTrial.Measured> measured = new SearchTrial(set, truth, settings).Run(sides);
        Write(set, settings, duel, measured);
    }

    private static void Write(DataSet set, BenchSettings settings, Duel duel, IReadOnlyList<SearchTrial.Measured> measured)
    {
        var table = new ResultTable($"search-{set.Name}", $"Recall against speed, {set.Name}", "index", "ef", "r@1", "r@1 mated", "r@10", "queries/s", "p50 us", "p99 us")
        {
            Note = $"k = {GroundTruth.K}, one pinned thread, processor time, medians of {settings.Rounds} interleaved rounds; M = {BenchSettings.M}, efConstruction = {BenchSettings.EfConstruction} (hnswlib {BenchSettings.PeerEfConstruction}).",
        };
        foreach (SearchTrial.Measured m in measured)
        {
            bool exact = m == measured[0];
            table.Add(exact ? "FaceSearch exact scan" : m.Setting.Side.Name, exact ? "-" : m.Setting.Ef, m.Found.All, m.Found.Mated, m.Found.Ten, m.QueriesPerSecond, m.P50 * 1e6, m.P99 * 1e6);
        }

        table.Write(settings);
        Curve CurveOf(Worker side) => new(side.Name, [.. measured.Skip(1).Where(m => m.Setting.Side == side).Select(m => m.Point(f => f.All))]);
        Curve ours = CurveOf(duel.Ours), peer = CurveOf(duel.Peer);
        var exactScan = new Curve("FaceSearch exact scan", [measured[0].Point(f => f.All)]);
        Curve.Plot(settings, $"search-{set.Name}", $"{set.Name}: recall against speed", "r@1 against exact search", [ours, exactScan, peer]);

        List<Finding> findings = [];
        foreach (double recall in set.Count >= 1_000_000 ? new[] { 0.90, 0.98 } : [0.98, 0.996])
        {
            findings.Add(new($"search {set.Name}: queries/s at r@1 {recall}", set.HasTargets ? "at least" : Finding.NoTarget, 3, ours.QueriesAt(recall) / peer.QueriesAt(recall), $"{ours.QueriesAt(recall):F0} against {peer.QueriesAt(recall):F0}"));
            findings.Add(new($"search {set.Name}: p99 at r@1 {recall}", set.HasTargets ? "at most" : Finding.NoTarget, 0.5, ours.P99At(recall) / peer.P99At(recall), $"{ours.P99At(recall) * 1e6:F0} us against {peer.P99At(recall) * 1e6:F0} us"));
        }

        const double NearExact = 0.9997;
        double peerRecall = Math.Min(NearExact, peer.Points.Max(p => p.Recall)), scan = measured[0].QueriesPerSecond;
        if (set.Count < 1_000_000)
        {
            findings.Add(new($"exact {set.Name}: queries/s at r@1 {measured[0].Found.All:F4} against hnswlib at {NearExact}", set.HasTargets ? "at least" : Finding.NoTarget, 5, scan / peer.QueriesAt(peerRecall),
                $"{scan:F0} against {peer.QueriesAt(peerRecall):F0}{(peerRecall < NearExact ? $" (its best r@1: {peerRecall:F4})" : "")}"));
        }

        Findings.Report(settings, [.. findings]);
    }
}
