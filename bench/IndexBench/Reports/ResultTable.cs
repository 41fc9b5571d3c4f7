using System.Globalization;
using System.Text;

namespace FaceSearch.IndexBench.Reports;

/// <summary>A table of figures, written as markdown and as CSV.</summary>
internal sealed class ResultTable(string name, string title, params string[] columns)
{
    private readonly List<string[]> _rows = [];

    /// <summary>A line of text under the title: what was measured, and how.</summary>
    public string Note { get; init; } = "";

    public void Add(params object[] cells) => _rows.Add([.. cells.Select(Text)]);

    /// <summary>Prints the table and writes <c>name.md</c> and <c>name.csv</c>.</summary>
    public void Write(BenchSettings settings)
    {
        Directory.CreateDirectory(settings.ResultFolder);
        string markdown = Markdown();
        Console.WriteLine(markdown);
        File.WriteAllText(Path.Combine(settings.ResultFolder, name + ".md"), markdown);
        File.WriteAllLines(Path.Combine(settings.ResultFolder, name + ".csv"),
            _rows.Prepend(columns).Select(row => string.Join(',', row.Select(c => c.Contains(',', StringComparison.Ordinal) ? $"\"{c}\"" : c))));
    }

    private string Markdown()
    {
        var text = new StringBuilder($"# {title}\n\n");
        if (Note.Length > 0) text.Append(Note).Append("\n\n");
        text.Append("| ").AppendJoin(" | ", columns).Append(" |\n|").Append(string.Concat(Enumerable.Repeat("---|", columns.Length))).Append('\n');
        foreach (string[] row in _rows) text.Append("| ").AppendJoin(" | ", row).Append(" |\n");
        return text.ToString();
    }

    private static string Text(object cell) => cell switch
    {
        double d when double.IsNaN(d) => "-",
        double d when Math.Abs(d) >= 1000 => d.ToString("F0", CultureInfo.InvariantCulture),
        double d when Math.Abs(d) >= 10 => d.ToString("F1", CultureInfo.InvariantCulture),
        double d => d.ToString("F4", CultureInfo.InvariantCulture),
        _ => Convert.ToString(cell, CultureInfo.InvariantCulture) ?? "",
    };
}
