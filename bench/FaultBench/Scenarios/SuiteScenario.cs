using System.Diagnostics;
using System.Globalization;
using System.Xml.Linq;
using FaceSearch.FaultBench.Reports;

namespace FaceSearch.FaultBench.Scenarios;

/// <summary>A row that a suite of tests/ already shows: it is run with the wanted dose and its verdict and figures are taken.</summary>
internal sealed class SuiteScenario : Scenario
{
    private const int MostNotes = 6;
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
            int before = TestsRun(row);
            await AddAsync(run, row);
            int done = TestsRun(row) - before;
            if (done == 0)
                return;
            row.Dose += done;
            run.Progress.Advance($"{row.Violated} violations", done);
        }
    }

    private static int TestsRun(Row row) => (int)row.Counts.GetValueOrDefault("tests passed") + row.Violated;

    /// <summary>Runs the suite once, and adds what it said; false: it did not run to a good end.</summary>
    public async Task<bool> AddAsync(Run run, Row row, int? dose = null)
    {
        if (Missing is { } missing)
        {
            row.Reason = missing;
            return false;
        }
        string report = Path.Combine(run.Folder, $"{Name}-{Guid.NewGuid():n}.xml");
        ProcessStartInfo start = new("dotnet", [Program, "-noLogo", "-noColor", "-xml", report, .. _methods.SelectMany(m => (string[])["-method", m])]) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (_variable is not null && dose is { } wanted)
            start.Environment[_variable] = wanted.ToString(CultureInfo.InvariantCulture);
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync() + await error;
        await process.WaitForExitAsync();
        await File.AppendAllTextAsync(Path.Combine(run.Folder, $"{Name}.log"), output);
        XElement[] tests = File.Exists(report) ? [.. XDocument.Load(report).Descendants("test")] : [];
        int passed = Add(row, "tests passed", tests.Count(t => t.Attribute("result")?.Value == "Pass"));
        int skipped = Add(row, "tests skipped", tests.Count(t => t.Attribute("result")?.Value == "Skip"));
        row.Notes = [.. row.Notes.Concat(tests.Select(t => t.Element("output")?.Value.Trim()).OfType<string>().Where(o => o.Length > 0)).Distinct().TakeLast(MostNotes)];
        string[] failed = [.. tests.Where(t => t.Attribute("result")?.Value == "Fail").Select(t => $"{t.Attribute("name")?.Value}: {t.Descendants("message").FirstOrDefault()?.Value}")];
        if (process.ExitCode == 0 && failed.Length == 0)
            return passed > 0 && skipped == 0;
        row.Violated += Math.Max(1, failed.Length);
        row.Violations = [.. row.Violations, .. failed.DefaultIfEmpty($"{_project} ended with code {process.ExitCode}")];
        return false;
    }

    private static int Add(Row row, string name, int more)
    {
        if (more > 0)
            row.Counts[name] = row.Counts.GetValueOrDefault(name) + more;
        return more;
    }
}
