using System.Globalization;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace FaceSearch.ScaleModel;

internal static class Plots
{
    private const int Width = 900, Height = 600;

    /// <summary>p50 (thin) and p99 over the size of the gallery, one colour a variant.</summary>
    public static void Tail(string file, IReadOnlyList<LatencyRow> rows)
    {
        using Plot plot = new();
        Color[] colours = [Colors.Blue, Colors.Orange, Colors.Green];
        foreach ((IGrouping<string, LatencyRow> variant, int i) in rows.GroupBy(r => r.Name).Select((g, i) => (g, i)))
        {
            foreach ((int level, string name, float width) in ((int, string, float)[])[(0, "p50", 1), (2, "p99", 3)])
                Line(plot, variant.Select(r => Math.Log10(r.Templates)), variant.Select(r => Math.Log10(r.Quantiles[level] * 1e3)), $"{variant.Key}, {name}", width, colours[i % colours.Length]);
        }
        Finish(plot, file, "Identification, modelled", "templates", "ms", logX: true);
    }

    /// <summary>p50 and p99 over the share of the cores in use.</summary>
    public static void Load(string file, IReadOnlyList<LatencyRow> rows)
    {
        using Plot plot = new();
        foreach ((int level, string name, Color colour) in ((int, string, Color)[])[(0, "p50", Colors.Blue), (2, "p99", Colors.Orange), (3, "p99.9", Colors.Red)])
            Line(plot, rows.Select(r => r.Utilisation * 100), rows.Select(r => Math.Log10(r.Quantiles[level] * 1e3)), name, 2, colour);
        Finish(plot, file, "100,000,000 templates, modelled", "per cent of the cores in use", "ms", logX: false);
    }

    /// <summary>Monthly price over the size of the gallery, one line a mode of keeping vectors.</summary>
    public static void Cost(string file, long[] sizes, IReadOnlyDictionary<string, double[]> costs)
    {
        using Plot plot = new();
        Color[] colours = [Colors.Blue, Colors.Orange, Colors.Green];
        foreach (((string mode, double[] cost), int i) in costs.Select((c, i) => (c, i)))
            Line(plot, sizes.Select(s => Math.Log10(s)), cost.Select(Math.Log10), mode, 2, colours[i % colours.Length]);
        Finish(plot, file, "Price of the hosts, one copy, modelled", "templates", "a month, units of the price parameters", logX: true);
    }

    private static void Line(Plot plot, IEnumerable<double> x, IEnumerable<double> y, string name, float width, Color colour)
    {
        var line = plot.Add.Scatter(x.ToArray(), y.ToArray());
        (line.LegendText, line.LineWidth, line.MarkerSize, line.Color) = (name, width, 6, colour);
    }

    private static void Finish(Plot plot, string file, string title, string x, string y, bool logX)
    {
        plot.Title(title);
        plot.XLabel(x);
        plot.YLabel(y);
        plot.ShowLegend(Alignment.UpperLeft);
        if (logX)
            plot.Axes.Bottom.TickGenerator = Decades();
        plot.Axes.Left.TickGenerator = Decades();
        plot.Grid.MinorLineColor = Colors.Black.WithOpacity(0.05);
        plot.Grid.MinorLineWidth = 1;
        plot.SavePng(file, Width, Height);
    }

    private static NumericAutomatic Decades() => new()
    {
        IntegerTicksOnly = true,
        MinorTickGenerator = new LogMinorTickGenerator(),
        LabelFormatter = exponent => Math.Pow(10, exponent).ToString("#,0.###", CultureInfo.InvariantCulture),
    };
}
