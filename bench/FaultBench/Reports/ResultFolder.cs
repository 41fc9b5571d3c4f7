using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace FaceSearch.FaultBench.Reports;

/// <summary>One JSON file a scenario, and a Markdown table over all that are there: a scenario that is run again replaces its row alone.</summary>
internal sealed class ResultFolder(string folder)
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public void Write(Row row)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, $"{row.Name}.json"), JsonSerializer.Serialize(row, Options) + "\n");
        File.WriteAllText(Path.Combine(folder, "README.md"), Markdown(Read()));
    }

    /// <summary>All rows of the folder.</summary>
    public IReadOnlyList<Row> Read() =>
        [.. Directory.GetFiles(folder, "*.json").Order(StringComparer.Ordinal).Select(f => JsonSerializer.Deserialize<Row>(File.ReadAllText(f), Options)!)];

    public static void Draw(IAnsiConsole console, IEnumerable<Row> rows)
    {
        Table table = new Table().AddColumns("fault", "dose", "verdict", "back after, s (median / max)", "ledger", "answers other than success");
        foreach (Row row in rows)
            table.AddRow([.. Cells(row).Select(Markup.Escape)]);
        console.Write(table);
        foreach (Row row in rows)
        {
            if (row.Reason is not null)
                console.MarkupLineInterpolated($"{row.Name}: {row.Reason}");
            foreach (string violation in row.Violations.Take(10))
                console.MarkupLineInterpolated($"[red]{row.Name}[/]: {violation}");
        }
    }

    private static string Markdown(IReadOnlyList<Row> rows)
    {
        StringBuilder text = new("# Faults: what the last runs showed\n\nWritten by `bench/run-faults.sh`; docs/reliability.md says what each row means.\n\n"
            + "| fault | dose | verdict | back after, s (median / max) | ledger | answers other than success |\n|---|---|---|---|---|---|\n");
        foreach (Row row in rows)
            text.Append("| ").AppendJoin(" | ", Cells(row).Select(c => c.Replace("\n", "<br>", StringComparison.Ordinal))).Append(" |\n");
        return text.ToString();
    }

    private static string[] Cells(Row row) =>
    [
        row.Name,
        Text($"{row.Dose} of {row.Wanted} {row.Unit}"),
        row.Reason is null ? Text($"{row.Verdict}") : Text($"{row.Verdict}: {row.Reason}"),
        string.Join('\n', row.Seconds.Select(s => Text($"{s.Key}: {s.Value.Median:f1} / {s.Value.Max:f1} (n={s.Value.Count})"))),
        Ledger(row),
        string.Join('\n', row.Answers.Select(a => Text($"{a.Key}: {a.Value}"))),
    ];

    private static string Ledger(Row row)
    {
        List<string> lines = [];
        if (row.Acknowledged > 0)
            lines.Add(Text($"{row.Acknowledged} acknowledged, {row.Refused} refused, {row.Unknown} unknown; {row.ReadsChecked} answers checked, {row.Violated} violations"));
        if (row.IdentifyMilliseconds is { } identify)
            lines.Add(Text($"identify, ms: median {identify.Median:f0}, p99 {identify.P99:f0}, max {identify.Max:f0}"));
        lines.AddRange(row.Milliseconds.Select(m => Text($"{m.Key}: median {m.Value.Median:f0}, p99 {m.Value.P99:f0}, max {m.Value.Max:f0} ms (n={m.Value.Count})")));
        lines.AddRange(row.Notes);
        if (row.LoadAverage is { } load)
            lines.Add(Text($"load average of the machine ({row.Processors} processors): median {load.Median:f0}, max {load.Max:f0}"));
        lines.AddRange(row.Counts.Select(c => Text($"{c.Key}: {c.Value}")));
        return string.Join('\n', lines);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
