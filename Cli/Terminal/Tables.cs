using System.Globalization;
using Spectre.Console;

namespace FaceSearch.Cli.Terminal;

/// <summary>One look for every table, and the field's numbers written one way.</summary>
internal static class Tables
{
    /// <summary>A table whose last column alone wraps; a heading that starts with '&gt;' is right-aligned.</summary>
    public static Table Create(params string[] headings)
    {
        Table table = new Table().Border(TableBorder.Simple);
        for (int i = 0; i < headings.Length; i++)
        {
            bool right = headings[i][0] == '>';
            TableColumn column = new(Markup.Escape(right ? headings[i][1..] : headings[i])) { NoWrap = i < headings.Length - 1 };
            table.AddColumn(right ? column.RightAligned() : column);
        }
        return table;
    }

    /// <summary>Adds a row of plain text; no cell is read as markup.</summary>
    public static void Row(this Table table, params string?[] cells) =>
        table.AddRow(cells.Select(cell => new Text(cell ?? "-")));

    /// <summary>A cosine score: three decimals.</summary>
    public static string Score(double score) => score.ToString("F3", CultureInfo.InvariantCulture);

    /// <summary>A rate in per cent: two decimals.</summary>
    public static string Percent(double rate) => string.Create(CultureInfo.InvariantCulture, $"{rate * 100:F2} %");

    /// <summary>A very small rate: one significant digit of the mantissa.</summary>
    public static string Rate(double rate) => rate.ToString("0.0E+0", CultureInfo.InvariantCulture);

    /// <summary>A count with thousands separated.</summary>
    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A moment, UTC, to the second.</summary>
    public static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>A duration.</summary>
    public static string Seconds(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds:F1} s");

    /// <summary>A rate a second.</summary>
    public static string PerSecond(double rate) => rate.ToString("F1", CultureInfo.InvariantCulture);

    /// <summary>A box as "x,y widthxheight" in whole pixels.</summary>
    public static string Box(FaceSearch.Http.Box box) =>
        string.Create(CultureInfo.InvariantCulture, $"{box.X:F0},{box.Y:F0} {box.Width:F0}x{box.Height:F0}");
}
