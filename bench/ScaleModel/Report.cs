using System.Globalization;
using System.Text;

namespace FaceSearch.ScaleModel;

internal sealed record ReportInput(string Tables, string Latencies, Assumptions Assumed, HostKind Kind, double Rate, int Queries, string Output, ulong Seed);

/// <summary>One simulated row.</summary>
internal sealed record LatencyRow(string Name, long Templates, int Shards, int Groups, int Replicas, double Utilisation, double Hedged, double[] Quantiles);

/// <summary>Writes <c>summary.md</c>, <c>latency.csv</c> and the plots.</summary>
internal static class Report
{
    private const long PerShard = 1_000_000;
    private const int Ef = 512;
    private static readonly long[] Sizes = [1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
    private static readonly double[] Levels = [0.5, 0.95, 0.99, 0.999];

    public static int Write(ReportInput input)
    {
        Directory.CreateDirectory(input.Output);
        SearchPoint point = BenchTables.Search(input.Tables, (int)PerShard).Single(p => p.Ef == Ef);
        ServiceTimes million = ServiceTimes.Fitted(point.P50, point.P99), measured = ServiceTimes.Measured(input.Latencies);
        IReadOnlyDictionary<string, (double Own, double Pages)> memory = BenchTables.Memory(input.Tables, (int)PerShard);
        StringBuilder text = new("# A gallery of many shards, modelled\n\n");
        text.Append(CultureInfo.InvariantCulture, $"""
            Written by `bench/ScaleModel model`; docs/scale.md says what is measured and what is assumed. Seed {input.Seed}, {input.Queries:N0} queries a row, five times as many in the rows of the load.

            - Shards of {PerShard:N0} templates. Service: {million.Description} (measured, ef = {Ef}), and {input.Assumed.Call * 1e6:0} us a call.
            - Hosts: {input.Kind.Cores} cores, {input.Kind.MemoryGib:0} GiB, of which shards may fill {(input.Kind.MemoryGib - input.Kind.OtherGib) * input.Kind.FillShare:0}; searches may use {input.Kind.TargetUtilisation:P0} of the cores.
            - Price: {input.Kind.PricePerCore:0.##} a core and {input.Kind.PricePerGib:0.##} a GiB, a month (parameters, not quotes).
            - Hop {input.Assumed.Hop * 1e6:0} us and an exponential part of mean {input.Assumed.HopJitter * 1e6:0} us, each way. A host is slow {input.Assumed.SlowShare:P1} of the time, {input.Assumed.SlowFactor:0.#} times, {input.Assumed.SlowSpell * 1e3:0} ms at a time.


            """);
        double mean = (million.Mean + input.Assumed.Call) * (1 + (input.Assumed.SlowShare * (input.Assumed.SlowFactor - 1)));
        Memory(text, input, memory, mean);
        List<LatencyRow> rows = [];
        foreach (long size in Sizes)
            rows.AddRange(Variants(input, million, size, PerShard, memory["f32 kept"].Own, mean));
        text.Append(CultureInfo.InvariantCulture, $"## Latency at {input.Rate:0.##} queries/s, float32 kept\n\n");
        Latency(text, rows);

        double smallMean = (measured.Mean + input.Assumed.Call) * (1 + (input.Assumed.SlowShare * (input.Assumed.SlowFactor - 1)));
        List<LatencyRow> small = [.. Variants(input, measured, Sizes[2], 100_000, memory["f32 kept"].Own, smallMean)];
        text.Append(CultureInfo.InvariantCulture, $"## The same 100,000,000 templates in shards of 100,000\n\nService: {measured.Description}: an exact scan.\n\n");
        Latency(text, small);

        List<LatencyRow> load = [.. Load(input, million, memory["f32 kept"].Own, mean)];
        text.Append("## Load: 100,000,000 templates, no replicas\n\n");
        Latency(text, load);
        File.WriteAllText(Path.Combine(input.Output, "summary.md"), text.ToString().TrimEnd() + "\n");
        File.WriteAllLines(Path.Combine(input.Output, "latency.csv"), ["name,templates,shards,groups,replicas,utilisation,hedged,p50_us,p95_us,p99_us,p999_us", .. rows.Concat(small).Concat(load).Select(Csv)]);
        Plots.Tail(Path.Combine(input.Output, "tail.png"), rows);
        Plots.Load(Path.Combine(input.Output, "load.png"), load);
        Plots.Cost(Path.Combine(input.Output, "cost.png"), Sizes, memory.ToDictionary(m => m.Key, m => Sizes.Select(s => Size(input, m.Value.Own, mean, s, 1).MonthlyCost).ToArray()));
        Console.WriteLine(text.ToString());
        return 0;
    }

    private static Sizing Size(ReportInput input, double bytes, double mean, long templates, int replicas) =>
        Sizing.Of(templates, PerShard, bytes, mean, input.Rate, replicas, input.Kind);

    private static void Memory(StringBuilder text, ReportInput input, IReadOnlyDictionary<string, (double Own, double Pages)> memory, double mean)
    {
        text.Append(CultureInfo.InvariantCulture, $"## Memory, hosts and cost at {input.Rate:0.##} queries/s\n\n| templates | vectors | bytes/template | GiB | shards | hosts for memory | for work | hosts | a month | with 2 replicas |\n|---|---|---|---|---|---|---|---|---|---|\n");
        foreach (long size in Sizes)
        {
            foreach ((string mode, (double own, double pages)) in memory)
            {
                Sizing one = Size(input, own, mean, size, 1), two = Size(input, own, mean, size, 2);
                string cached = pages > 100 ? string.Create(CultureInfo.InvariantCulture, $" (+ {pages:0} of page cache)") : "";
                text.Append(CultureInfo.InvariantCulture, $"| {size:N0} | {mode} | {own:0}{cached} | {one.MemoryGib:N1} | {one.Shards:N0} | {one.ForMemory} | {one.ForWork} | {one.Hosts} | {one.MonthlyCost:N0} | {two.Hosts} hosts, {two.MonthlyCost:N0} |\n");
            }
        }
        text.Append('\n');
    }

    /// <summary>One copy; two copies; two copies and a second question after the 95th percentile of a host's answer.</summary>
    private static IEnumerable<LatencyRow> Variants(ReportInput input, ServiceTimes service, long templates, long perShard, double bytes, double mean)
    {
        for (int replicas = 1; replicas <= 2; replicas++)
        {
            Sizing sizing = Sizing.Of(templates, perShard, bytes, mean, input.Rate, replicas, input.Kind);
            ClusterModel model = input.Assumed.Apply(new ClusterModel { Shards = sizing.Shards, Hosts = sizing.Groups, Cores = input.Kind.Cores, Rate = input.Rate, Service = service, Replicas = replicas });
            SimulationResult plain = Simulator.Run(model, input.Queries, input.Seed);
            yield return Row(replicas == 1 ? "one copy" : "two copies", templates, model, plain);
            if (replicas == 1)
                continue;
            ClusterModel hedging = model with { HedgeAfter = Quantiles.Of(plain.HostLatencies, 0.95) };
            yield return Row("two copies, hedged", templates, hedging, Simulator.Run(hedging, input.Queries, input.Seed));
        }
    }

    private static IEnumerable<LatencyRow> Load(ReportInput input, ServiceTimes service, double bytes, double mean)
    {
        Sizing sizing = Size(input, bytes, mean, Sizes[2], 1);
        double most = sizing.Groups * input.Kind.Cores / (sizing.Shards * mean);
        foreach (double share in (double[])[0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9])
        {
            ClusterModel model = input.Assumed.Apply(new ClusterModel { Shards = sizing.Shards, Hosts = sizing.Groups, Cores = input.Kind.Cores, Rate = share * most, Service = service });
            // Slow spells are rare: a longer run, so that a row sees enough of them.
            yield return Row(string.Create(CultureInfo.InvariantCulture, $"{model.Rate:0} queries/s"), Sizes[2], model, Simulator.Run(model, 5 * input.Queries, input.Seed));
        }
    }

    private static LatencyRow Row(string name, long templates, ClusterModel model, SimulationResult result) =>
        new(name, templates, model.Shards, model.Hosts, model.Replicas, model.Utilisation, result.HedgedShare, [.. Levels.Select(result.Quantile)]);

    private static void Latency(StringBuilder text, IEnumerable<LatencyRow> rows)
    {
        text.Append("| templates | shards | hosts | | cores used | parts hedged | p50 ms | p95 | p99 | p99.9 |\n|---|---|---|---|---|---|---|---|---|---|\n");
        foreach (LatencyRow row in rows)
            text.Append(CultureInfo.InvariantCulture, $"| {row.Templates:N0} | {row.Shards:N0} | {row.Groups * row.Replicas} | {row.Name} | {row.Utilisation:P1} | {row.Hedged:P1} | {string.Join(" | ", row.Quantiles.Select(q => (q * 1e3).ToString("0.00", CultureInfo.InvariantCulture)))} |\n");
        text.Append('\n');
    }

    private static string Csv(LatencyRow row) => string.Create(CultureInfo.InvariantCulture,
        $"{row.Name.Replace(",", "", StringComparison.Ordinal)},{row.Templates},{row.Shards},{row.Groups},{row.Replicas},{row.Utilisation:0.0000},{row.Hedged:0.0000},{string.Join(',', row.Quantiles.Select(q => (q * 1e6).ToString("0", CultureInfo.InvariantCulture)))}");
}
