using System.Globalization;
using FaceSearch.Evaluation;
using FaceSearch.TrainingJob.Training;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace FaceSearch.TrainingJob.Reports;

/// <summary>A run's plots as PNG.</summary>
internal static class RunPlots
{
    private const int Width = 900, Height = 520;

    /// <summary>Least rate drawn on a logarithmic axis.</summary>
    private const double Floor = 1e-4;

    /// <summary>Loss over steps.</summary>
    public static void Loss(string file, IReadOnlyList<MetricsLine> lines) =>
        Draw(file, "Loss", "mean loss", lines.Select(l => ((double)l.Step, l.Loss)));

    /// <summary>Share of all triplets that have a loss, over steps.</summary>
    public static void ActiveTriplets(string file, IReadOnlyList<MetricsLine> lines) =>
        Draw(file, "Active triplets", "share with a loss", lines.Where(l => l.ActiveShare is not null).Select(l => ((double)l.Step, l.ActiveShare!.Value)));

    /// <summary>Rank-1 on the validation people, over steps.</summary>
    public static void Validation(string file, IReadOnlyList<MetricsLine> lines) =>
        Draw(file, "Validation people: rank-1", "rank-1", lines.Where(l => l.Validation is not null).Select(l => ((double)l.Step, l.Validation!.Rank1)));

    /// <summary>Missed against false identifications (DET), both logarithmic, of one or more models.</summary>
    public static void Det(string file, IReadOnlyList<(string Name, IdentificationMetrics Metrics)> models)
    {
        using var plot = new Plot();
        plot.Title("Test people, 1:N (DET)");
        plot.XLabel("FPIR: share of strangers taken for somebody");
        plot.YLabel("FNIR: share of enrolled people missed");
        foreach ((string name, IdentificationMetrics metrics) in models)
        {
            IdentificationPoint[] curve = [.. metrics.DetCurve().Where(p => p.Fpir >= Floor && p.Fnir >= Floor)];
            var line = plot.Add.Scatter([.. curve.Select(p => Math.Log10(p.Fpir))], (double[])[.. curve.Select(p => Math.Log10(p.Fnir))]);
            (line.LineWidth, line.MarkerSize, line.LegendText) = (2, 0, name);
        }
        plot.ShowLegend(Alignment.LowerLeft);
        plot.Axes.Bottom.TickGenerator = plot.Axes.Left.TickGenerator = Decades();
        plot.SavePng(file, Width, Height);
    }

    private static void Draw(string file, string title, string label, IEnumerable<(double X, double Y)> points)
    {
        (double X, double Y)[] drawn = [.. points];
        using var plot = new Plot();
        plot.Title(title);
        plot.XLabel("step");
        plot.YLabel(label);
        if (drawn.Length > 0)
        {
            var line = plot.Add.Scatter((double[])[.. drawn.Select(p => p.X)], (double[])[.. drawn.Select(p => p.Y)]);
            (line.LineWidth, line.MarkerSize) = (2, 0);
        }
        plot.SavePng(file, Width, Height);
    }

    private static NumericAutomatic Decades() => new()
    {
        IntegerTicksOnly = true,
        LabelFormatter = exponent => Math.Pow(10, exponent).ToString("0.####", CultureInfo.InvariantCulture),
    };
}
