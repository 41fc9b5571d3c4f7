using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FaceSearch.IndexBench.Reports;

/// <summary>
/// One target and what was measured. <paramref name="Better"/>: "at least" or "at most" <paramref name="Target"/>, or
/// <see cref="NoTarget"/> for a figure that is only reported.
/// </summary>
internal sealed record Finding(string Row, string Better, double Target, double Measured, string Detail)
{
    public const string NoTarget = "no target";

    [JsonIgnore]
    public string Met => Better switch
    {
        NoTarget => "-",
        "at least" => Measured >= Target ? "yes" : "**no**",
        _ => Measured <= Target ? "yes" : "**no**",
    };
}

/// <summary>The table of targets: every row of the bench updates its own lines, and summary.md is written anew.</summary>
internal static class Findings
{
    public static void Report(BenchSettings settings, params Finding[] findings)
    {
        Directory.CreateDirectory(settings.ResultFolder);
        string path = Path.Combine(settings.ResultFolder, "findings.json");
        SortedDictionary<string, Finding> all = new(StringComparer.Ordinal);
        if (File.Exists(path))
        {
            foreach (Finding old in JsonSerializer.Deserialize<Finding[]>(File.ReadAllText(path)) ?? []) all[old.Row] = old;
        }

        foreach (Finding finding in findings)
        {
            if (double.IsFinite(finding.Measured)) all[finding.Row] = finding;
            Console.WriteLine($"{finding.Row}: {finding.Measured:F3} ({finding.Better} {finding.Target}; met: {finding.Met}; {finding.Detail})");
        }

        File.WriteAllText(path, JsonSerializer.Serialize(all.Values.ToArray(), Indented) + "\n");
        var lines = new List<string>
        {
            "# Targets and what was measured", "", "Ratios of FaceSearch to the peer named, from one interleaved run on the same bytes (bench/README.md).", "",
            "| row | target | measured | met | detail |", "|---|---|---|---|---|",
        };
        lines.AddRange(all.Values.Select(f => string.Create(CultureInfo.InvariantCulture,
            $"| {f.Row} | {(f.Better == Finding.NoTarget ? "-" : $"{f.Better} {f.Target}")} | {f.Measured:F3} | {f.Met} | {f.Detail} |")));
        File.WriteAllLines(Path.Combine(settings.ResultFolder, "summary.md"), lines);
    }

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
}
