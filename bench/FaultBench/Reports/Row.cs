using System.Globalization;
using System.Text.Json.Serialization;
using FaceSearch.FaultBench.Load;
using FaceSearch.FaultBench.Scenarios;

namespace FaceSearch.FaultBench.Reports;

internal enum Verdict
{
    Pass,
    Fail,
    Skipped,
}

/// <summary>Median, 99th percentile and maximum.</summary>
internal sealed record Spread(int Count, double Median, double P99, double Max)
{
    public static Spread Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        double At(double share) => Math.Round(sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)], 2);
        return new Spread(sorted.Length, At(0.5), At(0.99), At(1));
    }
}

/// <summary>What one scenario showed; written as JSON.</summary>
internal sealed class Row
{
    private readonly Dictionary<string, List<double>> _times = [];
    private readonly List<double> _load = [];

    public Row()
    {
    }

    public Row(Scenario scenario, int? wanted, bool isLong) =>
        (Name, Fault, PassIf, Unit, Wanted) = (scenario.Name, scenario.Fault, scenario.Pass, scenario.Unit, wanted ?? (isLong ? scenario.Doses.Long : scenario.Doses.Short));

    public string Name { get; set; } = "";

    public string Fault { get; set; } = "";

    public string PassIf { get; set; } = "";

    public string Unit { get; set; } = "";

    /// <summary>The dose that was meant.</summary>
    public int Wanted { get; set; }

    /// <summary>The dose that was run.</summary>
    public int Dose { get; set; }

    public Verdict Verdict { get; set; } = Verdict.Fail;

    /// <summary>Of a skipped or broken-off one.</summary>
    public string? Reason { get; set; }

    public DateTime Started { get; set; } = DateTime.UtcNow;

    public double Minutes { get; set; }

    public int Seed { get; set; }

    /// <summary>Operations a second of the clients.</summary>
    public double Rate { get; set; }

    public int Acknowledged { get; set; }

    public int Refused { get; set; }

    public int Unknown { get; set; }

    /// <summary>Unknown operations that were repeated until acknowledged.</summary>
    public int Settled { get; set; }

    /// <summary>Answers that were compared with the ledger.</summary>
    public int ReadsChecked { get; set; }

    public int Violated { get; set; }

    /// <summary>The first 50.</summary>
    public IReadOnlyList<string> Violations { get; set; } = [];

    /// <summary>Seconds by what was timed.</summary>
    public Dictionary<string, Spread> Seconds { get; set; } = [];

    /// <summary>Identifications that were answered, in milliseconds.</summary>
    public Spread? IdentifyMilliseconds { get; set; }

    /// <summary>Other times, by what was timed.</summary>
    public Dictionary<string, Spread> Milliseconds { get; set; } = [];

    /// <summary>What a suite said of itself.</summary>
    public IReadOnlyList<string> Notes { get; set; } = [];

    /// <summary>Of the machine, and of how many processors.</summary>
    public Spread? LoadAverage { get; set; }

    public int Processors { get; set; } = Environment.ProcessorCount;

    public Dictionary<string, long> Counts { get; set; } = [];

    /// <summary>Answers other than success.</summary>
    public IReadOnlyDictionary<string, int> Answers { get; set; } = new Dictionary<string, int>();

    [JsonIgnore]
    public bool IsFailed => Verdict == Verdict.Fail;

    /// <summary>Samples the machine's load average of the last minute: times mean little where much more than its processors wants to run.</summary>
    public void Load()
    {
        if (!File.Exists("/proc/loadavg"))
            return;
        lock (_load)
        {
            _load.Add(double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture));
            LoadAverage = Spread.Of(_load);
        }
    }

    public void Time(string what, TimeSpan took)
    {
        if (!_times.TryGetValue(what, out List<double>? list))
            _times[what] = list = [];
        list.Add(took.TotalSeconds);
        Seconds[what] = Spread.Of(list);
    }

    public void Identified(double[] milliseconds)
    {
        if (milliseconds.Length > 0)
            IdentifyMilliseconds = Spread.Of(milliseconds);
    }

    /// <summary>Copies the ledger's totals, and judges by them.</summary>
    public void Take(Ledger ledger)
    {
        (Acknowledged, Refused, Unknown, Settled, ReadsChecked) = (ledger.Acknowledged, ledger.Refused, ledger.Unknown, ledger.Settled, ledger.Reads);
        (Violated, Violations, Answers) = (ledger.Violated, ledger.Violations, ledger.Answers);
    }
}
