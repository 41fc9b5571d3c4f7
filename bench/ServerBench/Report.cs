using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace FaceSearch.ServerBench;

/// <summary>The Markdown that a run prints: one heading a part, a line a figure, a verdict a rule.</summary>
internal sealed class Report
{
    private readonly StringBuilder _text = new();

    /// <summary>Runs parts one after the other; exit code 1 if one could not be measured.</summary>
    public static async Task<int> RunAsync(BenchSettings settings, FileInfo? file, Func<BenchSettings, Report, CancellationToken, Task>[] parts, CancellationToken cancellation,
        string? title = null, string? command = null)
    {
        var report = new Report();
        if (title is not null)
            report.Line($"# {title}\n\n    {command}\n");
        report.Line($"{Processor()}, {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, .NET {Environment.Version}; client and server on the same cores. Load average at the start: {LoadAverage()}.");
        int failed = 0;
        foreach (Func<BenchSettings, Report, CancellationToken, Task> part in parts)
        {
            try
            {
                await part(settings, report, cancellation);
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested && parts.Length > 1)
            {
                report.Line($"Not measured: {e.Message}");
                await Console.Error.WriteLineAsync(e.ToString());
                failed = 1;
            }
        }
        if (file is not null)
            await File.WriteAllTextAsync(file.FullName, report._text.ToString(), cancellation);
        return failed;
    }

    public void Heading(string text)
    {
        Line("");
        Line($"## {text}");
        Line("");
    }

    public void Line(string text)
    {
        Console.WriteLine(text);
        _text.Append(text).Append('\n');
    }

    public void Figure(string what, string value) => Line($"- {what}: **{value}**");

    public void Rule(string rule, bool met) => Line($"- Rule: {rule}: **{(met ? "met" : "MISSED")}**");

    /// <summary>The one-minute load average; more than the number of cores means that others were at work.</summary>
    public static string LoadAverage() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "unknown";

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : sorted[sorted.Length / 2];
    }

    private static string Processor() => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "Unknown processor"
        : RuntimeInformation.ProcessArchitecture.ToString();
}

/// <summary>Numbers as the report shows them.</summary>
internal static class Figures
{
    public static string N0(this double value) => value.ToString("N0", CultureInfo.InvariantCulture);

    public static string F3(this double value) => value.ToString("F3", CultureInfo.InvariantCulture);
}
