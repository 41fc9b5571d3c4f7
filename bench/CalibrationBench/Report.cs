using System.Globalization;
using FaceSearch.Evaluation;

namespace FaceSearch.CalibrationBench;

/// <summary>Prints the experiments as Markdown tables.</summary>
internal static class Report
{
    public static void Calibration(CalibrationOptions options)
    {
        var prior = CalibrationExperiment.PriorOf(options);
        var trials = CalibrationExperiment.Run(options).GroupBy(t => t.Size).OrderBy(g => g.Key).ToArray();
        Line($"target FPIR {options.Target:P2}, {options.Splits} splits, prior {options.Prior}, gallery {(options.AllTemplates ? "all" : "first")}");
        Line($"| estimator | people | threshold | FPIR % 5th / median / 95th | within x0.5..x2 | by person median | by person within |");
        Line($"|---|---|---|---|---|---|---|");
        foreach (var (name, estimator) in Estimators.All)
        {
            if (options.Only is not null && !name.Contains(options.Only, StringComparison.OrdinalIgnoreCase)) continue;
            foreach (var group in trials) Row(name, group.Key, [.. group], t => estimator(t.Gallery, prior, options.Target), options.Target);
        }
        if (options.Only is not null) return;
        foreach (var group in trials)
        {
            var pooled = Estimators.Quantile([.. group.SelectMany(t => t.StrangerScores)], 1 - options.Target);
            Row("hindsight: one best threshold", group.Key, [.. group], _ => pooled, options.Target);
        }
    }

    public static void Metrics(string data, int seed)
    {
        var lfw = Sources.ReadLfw(data);
        using var reader = File.OpenText(Path.Combine(data, "protocols", "lfw", "pairs.txt"));
        var pairs = PairAccuracy.Evaluate(LfwPairs.Parse(reader), lfw.RowOf, lfw.Templates);
        Line($"ten folds: {pairs.Mean:P2} +- {pairs.StandardError:P2} ({pairs.PairsUsed} pairs, {pairs.PairsLeftOut} left out)");
        var (galleryRows, probeRows) = lfw.SplitFirstImage();
        int[] Labels(int[] rows) => [.. rows.Select(r => lfw.Identities[r])];
        var probeLabels = Labels(probeRows);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var outcomes = IdentificationSearch.Run(lfw.Templates.Select(galleryRows), Labels(galleryRows), lfw.Templates.Select(probeRows), probeLabels);
        Line($"1:N: {probeRows.Length} probes x {galleryRows.Length} people in {clock.Elapsed.TotalSeconds:F2} s");
        Print("rank-1", m => m.RankAccuracy(1));
        Print("rank-5", m => m.RankAccuracy(5));
        Print("TPIR@FPIR 10 %", m => m.TpirAtFpir(0.1));
        Print("TPIR@FPIR 1 %", m => m.TpirAtFpir(0.01));
        var all = IdentificationMetrics.LeaveOwnIdentityOut(outcomes);
        Line($"thresholds: FPIR 10 % {all.ThresholdAtFpir(0.1):F3}, FPIR 1 % {all.ThresholdAtFpir(0.01):F3}");

        void Print(string name, Func<IdentificationMetrics, double> metric)
        {
            var interval = Bootstrap.Interval(probeLabels, rows => metric(Resample(outcomes, rows)), seed, 200);
            Line($"{name}: {metric(IdentificationMetrics.LeaveOwnIdentityOut(outcomes)):P2} (95 % {interval.Lower:P2} .. {interval.Upper:P2}, by person)");
        }
    }

    public static void Prior(LabelledTemplates data)
    {
        var rows = Sources.RowsByIdentity(data.Identities).Take(5000).Select(r => r[0]).ToArray();
        var templates = data.Templates.Select(rows);
        var labels = rows.Select(r => data.Identities[r]).ToArray();
        foreach (var point in ImpostorPrior.Measure(templates, labels).Points) Line($"FMR {point.FalseMatchRate:G2}: {point.Score:F4}");
    }

    public static void Margin(LabelledTemplates data) => MarginExperiment.Run(data);

    public static void Line(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private static void Row(string name, int size, Trial[] trials, Func<Trial, double> threshold, double target)
    {
        var thresholds = trials.Select(threshold).ToArray();
        var fpir = trials.Zip(thresholds, (t, at) => t.Fpir(at)).Order().ToArray();
        var byPerson = trials.Zip(thresholds, (t, at) => t.FpirByPerson(at)).Order().ToArray();
        double At(double[] sorted, double share) => 100 * sorted[(int)Math.Round(share * (sorted.Length - 1))];
        double Within(double[] rates) => (double)rates.Count(r => r >= target / 2 && r <= target * 2) / rates.Length;
        var mean = thresholds.Average();
        var deviation = Math.Sqrt(thresholds.Average(t => (t - mean) * (t - mean)));
        Line($"| {name} | {size} | {mean:F3} +- {deviation:F3} | {At(fpir, 0.05):F2} / {At(fpir, 0.5):F2} / {At(fpir, 0.95):F2} | {Within(fpir):P0} | {At(byPerson, 0.5):F2} | {Within(byPerson):P0} |");
    }

    private static IdentificationMetrics Resample(IdentificationOutcomes outcomes, ReadOnlySpan<int> rows)
    {
        var ranks = new int[rows.Length];
        var mated = new float[rows.Length];
        var impostors = new float[rows.Length];
        for (var i = 0; i < rows.Length; i++)
        {
            ranks[i] = outcomes.MatedRanks[rows[i]];
            mated[i] = outcomes.MatedScores[rows[i]];
            impostors[i] = outcomes.ImpostorScores[rows[i]];
        }
        return new IdentificationMetrics(ranks, mated, impostors);
    }
}
