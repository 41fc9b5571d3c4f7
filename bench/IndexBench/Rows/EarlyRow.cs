using FaceSearch.IndexBench.Data;
using FaceSearch.IndexBench.Reports;
using FaceSearch.IndexBench.Workers;

namespace FaceSearch.IndexBench.Rows;

/// <summary>
/// Early decision: what an identification needs is the right answer for mated probes that pass the threshold. The threshold is the
/// score that 1 % of the unmated queries pass in exact search (FPIR 1 %).
/// </summary>
internal static class EarlyRow
{
    private const double Fpir = 0.01, Wanted = 0.999;
    private static readonly int[] Sweep = [10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1280];

    public static void Run(DataSet set, BenchSettings settings)
    {
        GroundTruth truth = GroundTruth.Of(set);
        bool[] mated = set.Mated;
        float[] strangers = [.. Enumerable.Range(0, mated.Length).Where(q => !mated[q]).Select(truth.BestScore).OrderDescending()];
        if (strangers.Length == 0 || strangers.Length == mated.Length) throw new InvalidOperationException($"{set.Name} has no mated and unmated queries to tell apart.");
        float threshold = strangers[(int)(Fpir * strangers.Length)];
        double passing = Enumerable.Range(0, mated.Length).Where(q => mated[q]).Average(q => truth.BestScore(q) >= threshold ? 1.0 : 0);

        using Duel duel = Duel.WithIndexes(set, settings);
        duel.PinToOneCore();
        List<SearchTrial.Setting> sides = [];
        foreach (int ef in Sweep)
        {
            sides.Add(new(duel.Ours, ef, threshold));
            sides.Add(new(duel.Ours, ef, null));
            sides.Add(new(duel.Peer, ef, null));
        }

        IReadOnlyList<SearchTrial.Measured> measured = new SearchTrial(set, truth, settings) { Threshold = threshold }.Run(sides);
        var table = new ResultTable($"early-{set.Name}", $"Early decision, {set.Name}", "index", "ef", "r@1 mated above threshold", "r@1 mated", "r@1 all", "stopped early", "queries/s", "p99 us")
        {
            Note = $"Threshold {threshold:F4} (FPIR 1 % in exact search); {passing:P1} of the mated queries pass it. All queries, mated and unmated, are timed. One pinned thread, processor time, medians of {settings.Rounds} interleaved rounds.",
        };
        string Name(SearchTrial.Setting s) => s.Decision is null ? s.Side.Name : $"{s.Side.Name}, early decision";
        foreach (SearchTrial.Measured m in measured)
            table.Add(Name(m.Setting), m.Setting.Ef, m.Found.MatedAbove, m.Found.Mated, m.Found.All, m.Found.StoppedEarly, m.QueriesPerSecond, m.P99 * 1e6);
        table.Write(settings);
        Curve[] curves = [.. measured.GroupBy(m => Name(m.Setting)).Select(g => new Curve(g.Key, [.. g.Select(m => m.Point(f => f.MatedAbove))]))];
        Curve.Plot(settings, $"early-{set.Name}", $"{set.Name}: early decision", "r@1 of mated probes above the threshold", curves);
        double ours = curves[0].QueriesAt(Wanted), peer = curves[2].QueriesAt(Wanted);
        Findings.Report(settings, new Finding($"early decision {set.Name}: queries/s at mated r@1 above threshold {Wanted}", set.HasTargets ? "at least" : Finding.NoTarget, 4, ours / peer,
            $"{ours:F0} against {peer:F0}; without early decision {curves[1].QueriesAt(Wanted):F0}"));
    }
}
