using System.Globalization;
using FaceSearch.Evaluation;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace FaceSearch.Cli.Evaluate;

/// <summary>Draws the 1:N error trade-off (DET): FNIR over FPIR, both axes logarithmic, as NIST's 1:N reports do.</summary>
internal static class DetPlot
{
    private const int Width = 900;
    private const int Height = 650;

    /// <summary>Least rate drawn; a rate of 0 has no place on a logarithmic axis.</summary>
    private const double Floor = 1e-5;

    /// <summary>Writes a PNG.</summary>
    public static void Save(string file, IReadOnlyList<IdentificationPoint> curve, string title)
    {
        List<IdentificationPoint> drawn = [.. curve.Where(point => point.Fpir >= Floor && point.Fnir >= Floor)];
        using Plot plot = new();
        plot.Title(title);
        plot.XLabel("FPIR: share of strangers taken for somebody");
        plot.YLabel("FNIR: share of enrolled people missed");
        if (drawn.Count > 0)
        {
            double[] x = [.. drawn.Select(point => Math.Log10(point.Fpir))];
            double[] y = [.. drawn.Select(point => Math.Log10(point.Fnir))];
            var line = plot.Add.Scatter(x, y);
            line.LineWidth = 2;
            line.MarkerSize = 0;
            // A little below the last decade, so that its label is drawn.
            plot.Axes.SetLimits(Math.Floor(x.Min()) - 0.01, 0, Math.Floor(y.Min()) - 0.01, Math.Ceiling(y.Max()));
        }
        plot.Axes.Bottom.TickGenerator = Decades();
        plot.Axes.Left.TickGenerator = Decades();
        plot.Grid.MajorLineColor = Colors.Black.WithOpacity(0.15);
        plot.Grid.MinorLineColor = Colors.Black.WithOpacity(0.05);
        plot.Grid.MinorLineWidth = 1;
        plot.SavePng(file, Width, Height);
    }

    private static NumericAutomatic Decades() => new()
    {
        IntegerTicksOnly = true,
        MinorTickGenerator = new LogMinorTickGenerator(),
        LabelFormatter = exponent => Math.Pow(10, exponent).ToString("0.#####", CultureInfo.InvariantCulture),
    };
}
