using ScottPlot;

namespace FaceSearch.IndexBench.Reports;

/// <summary>One setting of one side: recall, speed and tail latency.</summary>
/// <param name="Ef">ef of the search.</param>
/// <param name="Recall">Recall that the curve is drawn over.</param>
/// <param name="QueriesPerSecond">Queries a second of one thread.</param>
/// <param name="P99">99th percentile of the time of one query, seconds.</param>
internal sealed record CurvePoint(int Ef, double Recall, double QueriesPerSecond, double P99);

/// <summary>Recall against speed.</summary>
internal sealed record Curve(string Name, IReadOnlyList<CurvePoint> Points)
{
    /// <summary>Queries a second at a recall; NaN outside the curve.</summary>
    public double QueriesAt(double recall) => At(recall, p => p.QueriesPerSecond);

    /// <summary>99th percentile latency at a recall, seconds; NaN outside the curve.</summary>
    public double P99At(double recall) => At(recall, p => p.P99);

    /// <summary>
    /// Straight line in (log of what is missed, log of the value) between the two neighbouring points. A recall below the first
    /// point takes the first point: the fastest setting there is, which is conservative.
    /// </summary>
    private double At(double recall, Func<CurvePoint, double> value)
    {
        CurvePoint[] sorted = [.. Points.OrderBy(p => p.Ef)];
        if (sorted[0].Recall >= recall) return value(sorted[0]);
        for (int i = 1; i < sorted.Length; i++)
        {
            if (sorted[i].Recall < recall) continue;
            double low = Missed(sorted[i - 1].Recall), high = Missed(sorted[i].Recall);
            double share = low == high ? 1 : (low - Missed(recall)) / (low - high);
            return Math.Exp(((1 - share) * Math.Log(value(sorted[i - 1]))) + (share * Math.Log(value(sorted[i]))));
        }

        return double.NaN;
    }

    private static double Missed(double recall) => Math.Log(Math.Max(1 - recall, 1e-5));

    /// <summary>Draws curves into <c>name.png</c>: recall to the right, stretched towards 1, queries a second upwards, logarithmic.</summary>
    public static void Plot(BenchSettings settings, string name, string title, string recallName, IEnumerable<Curve> curves)
    {
        using var plot = new Plot();
        foreach (Curve curve in curves)
        {
            var line = plot.Add.Scatter(curve.Points.Select(p => -Math.Log10(Math.Max(1 - p.Recall, 1e-5))).ToArray(),
                curve.Points.Select(p => Math.Log10(p.QueriesPerSecond)).ToArray());
            line.LegendText = curve.Name;
            line.LineWidth = 2;
            line.MarkerSize = 7;
        }

        double[] recalls = [0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.996, 0.999, 0.9999];
        plot.Axes.Bottom.SetTicks([.. recalls.Select(r => -Math.Log10(1 - r))], [.. recalls.Select(r => r.ToString(System.Globalization.CultureInfo.InvariantCulture))]);
        double[] speeds = [100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000];
        plot.Axes.Left.SetTicks([.. speeds.Select(Math.Log10)], [.. speeds.Select(s => s.ToString("N0", System.Globalization.CultureInfo.InvariantCulture))]);
        plot.Title(title);
        plot.XLabel(recallName);
        plot.YLabel("queries per second, one thread");
        plot.ShowLegend(Alignment.UpperRight);
        Directory.CreateDirectory(settings.ResultFolder);
        plot.SavePng(Path.Combine(settings.ResultFolder, name + ".png"), 900, 600);
    }
}
