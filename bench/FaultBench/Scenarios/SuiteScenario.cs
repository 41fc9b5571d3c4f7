using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using FaceSearch.FaultBench.Reports;

namespace FaceSearch.FaultBench.Scenarios;

/// <summary>A row that a suite of tests/ already shows: it is run with the wanted dose and its verdict and figures are taken.</summary>
internal sealed partial class SuiteScenario : Scenario
{
    private readonly string _project;
    private readonly string[] _methods;
    private readonly string? _variable;
    private readonly bool _isRepeated;

    private SuiteScenario(string name, string fault, string pass, string unit, (int, int) doses, string project, string[] methods, string? variable = null, bool isRepeated = false) =>
        (Name, Fault, Pass, Unit, Doses, _project, _methods, _variable, _isRepeated) = (name, fault, pass, unit, doses, project, methods, variable, isRepeated);

    public static SuiteScenario Broker { get; } = new("broker", "RabbitMQ stopped, paused (SIGSTOP), a queue full, in turn", "enrol and identify unaffected; all events delivered later, applied once",
        "outages", (3, 20), "EndToEnd.Tests",
        ["*OutageTests.Enrolment_and_identification_go_on_without_the_broker*", "*OutageTests.Killed_between_the_commit_and_the_confirmation*", "*FullQueueTests*"], isRepeated: true);

    public static SuiteScenario Messages { get; } = new("messages", "EnrolFace over RabbitMQ, tenfold, reordered, with poison in between", "same final state; poison in _error; the rest flows",
        "messages", (300, 10_000), "EndToEnd.Tests", ["*DisorderTests*"], "FACESEARCH_MESSAGES");

    public static SuiteScenario Storage { get; } = new("storage", "Azurite behind a proxy: 409, 412, 500, 503, dropped, late and timed-out requests, also after the commit", "no lost and no double write",
        "operations", (300, 5_000), "Storage.Tests", ["*AzureFaultTests.Whatever_the_network_does*"], "FACESEARCH_AZURE_FAULT_OPERATIONS");

    /// <summary>The part of "disk" that needs failing system calls.</summary>
    public static SuiteScenario FlushFaults { get; } = new("flush", "", "", "", (1, 1), "Storage.Tests", ["*Sqlite.FaultTests.After_a_failed_write_or_flush*", "*Sqlite.FaultTests.A_full_disk*", "*AzureFullDiskTests*"]);

    public override string Name { get; }

    public override string Fault { get; }

    public override string Pass { get; }

    public override string Unit { get; }

    public override (int Short, int Long) Doses { get; }

    public override string? Missing => File.Exists(Program) ? null : $"{Program} is not built: dotnet build -c Release tests/{_project}";

    private string Program => Path.Combine(Bench.Root, "tests", _project, "bin", "Release", "net10.0", $"FaceSearch.{_project}.dll");

    public override async Task RunAsync(Run run, Row row)
    {
        int dose = run.Dose ?? (run.IsLong ? Doses.Long : Doses.Short);
        run.Progress.Begin(dose);
        if (!_isRepeated)
        {
            if (await AddAsync(run, row, dose))
                row.Dose = dose;
            run.Progress.Advance($"{row.Violated} violations", dose);
            return;
        }
        while (row.Dose < dose && !run.IsOver)
        {
            long before = row.Counts.GetValueOrDefault(TestsPassed);
            await AddAsync(run, row);
            int done = (int)(row.Counts.GetValueOrDefault(TestsPassed) - before);
            if (done == 0)
                return;
            row.Dose += done;
            run.Progress.Advance($"{row.Violated} violations", done);
        }
    }

    private const string TestsPassed = "tests passed";

    /// <summary>Runs the suite once, and adds what it said; false: it did not run to a good end.</summary>
    public async Task<bool> AddAsync(Run run, Row row, int? dose = null)
    {
        if (Missing is { } missing)
        {
            row.Reason = missing;
            return false;
        }
        ProcessStartInfo start = new("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string word in (string[])[Program, "--show-live-output", "on", "--no-ansi", "--no-progress", "--output", "Detailed"])
            start.ArgumentList.Add(word);
        foreach (string method in _methods)
        {
            start.ArgumentList.Add("--filter-method");
            start.ArgumentList.Add(method);
        }
        if (_variable is not null && dose is { } wanted)
            start.Environment[_variable] = wanted.ToString(CultureInfo.InvariantCulture);
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync() + await error;
        await process.WaitForExitAsync();
        await File.AppendAllTextAsync(Path.Combine(run.Folder, $"{Name}.log"), output);
        int passed = Total(output, "succeeded"), failed = Total(output, "failed"), skipped = Total(output, "skipped");
        row.Counts[TestsPassed] = row.Counts.GetValueOrDefault(TestsPassed) + passed;
        if (skipped > 0)
            row.Counts["tests skipped"] = row.Counts.GetValueOrDefault("tests skipped") + skipped;
        row.Notes = [.. row.Notes.Concat(Said().Matches(output).Select(m => m.Groups[1].Value.Trim())).Distinct().TakeLast(12)];
        if (process.ExitCode == 0 && failed == 0)
            return passed > 0;
        row.Violated += Math.Max(1, failed);
        row.Violations = [.. row.Violations, .. Failed().Matches(output).Select(m => m.Value.Trim()).Distinct().DefaultIfEmpty($"{_project} ended with code {process.ExitCode}").Take(10)];
        return false;
    }

    private static int Total(string output, string name) =>
        Regex.Match(output, $@"^\s*{name}: *(\d+)", RegexOptions.Multiline) is { Success: true } m ? int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture) : 0;

    /// <summary>What a test wrote: a figure at the start of a line, as "10000 commands of ...".</summary>
    [GeneratedRegex(@"^\s*(?:OUTPUT: )?(\d[\d,]* (?:commands|deliveries|operations|events)\b.*)$", RegexOptions.Multiline)]
    private static partial Regex Said();

    [GeneratedRegex(@"^\s*failed [A-Za-z].*$", RegexOptions.Multiline)]
    private static partial Regex Failed();
}
