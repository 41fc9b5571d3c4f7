using System.Diagnostics;
using FaceSearch.FaultBench.Network;
using FaceSearch.FaultBench.Reports;
using FaceSearch.FaultBench.Scenarios;
using Spectre.Console;

namespace FaceSearch.FaultBench;

internal sealed record BenchOptions(
    bool IsLong, bool IsUntimed, string[]? Only, int? Rounds, double? Minutes, double Rate, int Seed, FileInfo? Silo, DirectoryInfo? Before, DirectoryInfo? Output, DirectoryInfo Work, bool KeepLogs);

/// <summary>Runs scenarios one after another and writes what they showed.</summary>
internal static class Bench
{
    public static string Root { get; } = FindRoot();

    /// <returns>0: none failed.</returns>
    public static async Task<int> RunAsync(Scenario[] all, BenchOptions options, string[] arguments)
    {
        if (options.Only?.FirstOrDefault(o => all.All(s => s.Name != o)) is { } stranger)
        {
            Console.Error.WriteLine($"There is no scenario '{stranger}'. There are {string.Join(", ", all.Select(s => s.Name))}.");
            return 2;
        }
        string dll = options.Silo?.FullName ?? Path.Combine(Root, "Silo", "bin", "Release", "net10.0", "FaceSearch.Silo.dll");
        if (!File.Exists(dll))
        {
            Console.Error.WriteLine($"There is no server at {dll}. Build it: dotnet build -c Release Silo, or name it with --silo.");
            return 2;
        }
        string? before = options.Before is null ? null : Path.Combine(options.Before.FullName, Path.GetFileName(dll));
        if (before is not null && !File.Exists(before))
        {
            Console.Error.WriteLine($"There is no server at {before}.");
            return 2;
        }
        Scenario[] chosen = [.. all.Where(s => options.Only is null || options.Only.Contains(s.Name))];
        if (chosen.Any(s => s.IsWired) && await OwnNetwork.EnterAsync(arguments) is { } code)
            return code;
        ResultFolder results = new(options.Output?.FullName ?? Path.Combine(Root, "bench", "results", "faults"));
        List<Row> rows = [];
        foreach (Scenario scenario in chosen)
        {
            Row row = new(scenario, options.Rounds, options.IsLong) { Seed = options.Seed, Rate = options.Rate };
            rows.Add(row);
            await DrawnAsync(scenario.Name, line => OneAsync(scenario, options, dll, before, row, line));
            results.Write(row);
        }
        ResultFolder.Draw(AnsiConsole.Console, rows);
        return rows.Any(r => r.IsFailed) ? 1 : 0;
    }

    private static async Task OneAsync(Scenario scenario, BenchOptions options, string dll, string? before, Row row, IProgressLine line)
    {
        if ((scenario.NeedsBefore && before is null ? "needs the binaries of a second version: --before, or --before-ref of bench/run-faults.sh" : scenario.Missing) is { } missing)
        {
            (row.Verdict, row.Reason) = (Verdict.Skipped, missing);
            return;
        }
        string folder = Path.Combine(options.Work.FullName, $"facesearch-faults-{scenario.Name}-{Guid.NewGuid():n}");
        Directory.CreateDirectory(folder);
        Stopwatch took = Stopwatch.StartNew();
        using Timer load = new(_ => row.Load(), null, TimeSpan.Zero, TimeSpan.FromSeconds(30));
        try
        {
            await scenario.RunAsync(new Run(options.Rounds, options.IsLong, options.IsUntimed, dll, before, folder, options.Rate, options.Seed,
                options.Minutes is { } minutes ? DateTime.UtcNow.AddMinutes(minutes) : DateTime.MaxValue, line), row);
            row.Verdict = row.Violated == 0 && row.Dose > 0 ? Verdict.Pass : Verdict.Fail;
        }
#pragma warning disable CA1031 // Whatever broke off a scenario, the others and the report go on.
        catch (Exception e)
#pragma warning restore CA1031
        {
            (row.Verdict, row.Reason) = (Verdict.Fail, $"broken off: {e.GetType().Name}: {e.Message}");
        }
        row.Minutes = Math.Round(took.Elapsed.TotalMinutes, 1);
        if (row.IsFailed || options.KeepLogs)
            Console.Error.WriteLine($"The servers' logs of '{scenario.Name}' are in {folder}");
        else
            Directory.Delete(folder, recursive: true);
    }

    private static async Task DrawnAsync(string name, Func<IProgressLine, Task> run)
    {
        if (Console.IsOutputRedirected)
        {
            await run(new TextLine(name));
            return;
        }
        await AnsiConsole.Progress().HideCompleted(false).Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn(), new RemainingTimeColumn())
            .StartAsync(context => run(new BarLine(context.AddTask(name), name)));
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FaceSearch.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? Directory.GetCurrentDirectory();
    }
}
