using System.Globalization;
using FaceSearch.ServerBench.Cluster.Traces;

namespace FaceSearch.ServerBench.Cluster;

/// <summary>The tables of 'cluster'.</summary>
internal static class ClusterReport
{
    public static void Head(Report report, ClusterSettings settings, GalleryDescription gallery, double seconds, string engine)
    {
        long[] sizes = [.. gallery.Shards.Select(s => s.Templates)];
        report.Line(Invariant($"{DateTime.UtcNow:yyyy-MM-dd}. {settings.Identities:N0} identities of one template in {ClusterSettings.Shards} shards of {sizes.Min():N0} to {sizes.Max():N0}, which answer by {(engine == "exact" ? "exact scan" : engine)}; enrolled once, in bulk, into one silo on PostgreSQL: {seconds:F0} s ({settings.Identities / seconds:N0} a second). The same stored gallery was then served by 1 silo and by 3 silos with a gateway before them."));
    }

    public static void Write(Report report, ClusterSettings settings, TopologyResult[] results, OpenResult open)
    {
        foreach (TopologyResult result in results)
        {
            Loop(report, settings, result);
            foreach ((Door door, List<RequestTrace> traces) in result.Traces)
                Parts(report, result, door, traces);
        }
        Ratios(report, results);
        Open(report, settings, results[^1], open);
    }

    /// <summary>Processor time over that of the indexes in this process, searched one after the other.</summary>
    private static double Ratio(Cost cost, TopologyResult result) => cost.ProcessorMs(result.IdleMs) / result.Loop.InTurn.ProcessorMs(0);

    private static void Loop(Report report, ClusterSettings settings, TopologyResult result)
    {
        ClosedLoop loop = result.Loop;
        report.Heading($"{result.Name}: one request at a time");
        report.Line($"{settings.Requests:N0} requests of each kind, in blocks of 50 that take turns; shards a silo: {string.Join(" + ", result.Spread)}; load average {result.Load}.");
        report.Line("");
        report.Line("| ms | p50 | p90 | p99 | / in turn | / all cores | CPU, this process | CPU, servers | of it idle | CPU without idle / in turn |");
        report.Line("|---|---|---|---|---|---|---|---|---|---|");
        foreach (Cost cost in (IEnumerable<Cost>)[loop.InTurn, loop.AtOnce, .. loop.Http])
        {
            double p50 = cost.Quantile(0.5), n = cost.Milliseconds.Count;
            report.Line(Invariant($"| {cost.Name} | {p50:F3} | {cost.Quantile(0.9):F3} | {cost.Quantile(0.99):F3} | {p50 / loop.InTurn.Quantile(0.5):F2} | {p50 / loop.AtOnce.Quantile(0.5):F2} | {cost.Client.TotalMilliseconds / n:F3} | {cost.Servers.TotalMilliseconds / n:F3} | {cost.IdleMs(result.IdleMs):F3} | {Ratio(cost, result):F2} |"));
        }
        report.Line("");
        foreach (Cost http in loop.Http)
        {
            report.Figure($"{http.Name}, medians of what the answers say", Invariant(
                $"gateway's handler {Report.Median(http.Timings.Select(t => t.TotalMs)):F3} ms, all grain calls {Report.Median(http.Timings.Select(t => t.SearchMs)):F3} ms, the slowest shard's search {Report.Median(http.Timings.Select(t => t.IndexMs)):F3} ms"));
        }
        report.Figure("Right person first", Invariant($"{100.0 * loop.Truth.Right / loop.Truth.Known:F2} % of {loop.Truth.Known:N0} questions about enrolled people"));
        report.Figure("First candidate as in this process", Invariant($"{100.0 * loop.Truth.Same / loop.Truth.Asked:F2} % of {loop.Truth.Asked:N0}, strangers among them"));
        report.Figure("Servers' processor time while nobody asks (idle)", Invariant($"{result.IdleMs:F0} ms a second"));
        report.Figure("Resident MiB", result.Memory);
    }

    private static void Parts(Report report, TopologyResult result, Door door, List<RequestTrace> traces)
    {
        report.Heading($"{result.Name}: where the time goes, HTTP to {door.Name}");
        double whole = Report.Median(traces.Select(t => t.ClientMs));
        report.Line(Invariant($"{traces.Count} traces (OpenTelemetry, every span exported; servers started anew for it). The median is {whole:F3} ms; without tracing it was {result.Loop.Http.Single(h => h.Name.EndsWith(door.Name, StringComparison.Ordinal)).Quantile(0.5):F3} ms. Means of the middle half of the traces by length: the parts follow each other and add up."));
        report.Line("");
        report.Line("| part | ms | share |");
        report.Line("|---|---|---|");
        RequestTrace[] middle = [.. traces.OrderBy(t => t.ClientMs).Skip(traces.Count / 4).Take((traces.Count + 1) / 2)];
        double mean = middle.Average(t => t.ClientMs);
        for (int part = 0; part < middle[0].Parts.Count; part++)
        {
            double ms = middle.Average(t => t.Parts[part].Ms);
            report.Line(Invariant($"| {middle[0].Parts[part].Part} | {ms:F3} | {ms / mean:P1} |"));
        }
        report.Line(Invariant($"| all | {mean:F3} | {1:P1} |"));
        report.Line("");
        report.Figure("A shard's call, medians over all shards", Invariant(
            $"way there and back {Median(s => s.Way):F3} ms, shard grain and wait for a search thread {Median(s => s.Before):F3} ms, search {Median(s => s.Search):F3} ms"));
        report.Figure("All eight searches of a request, added", Invariant($"{Report.Median(middle.Select(t => t.Shards.Sum(s => s.Search))):F3} ms"));
        report.Figure("Requests by the silo whose identify grain asked the shards", string.Join(", ", traces.CountBy(t => t.FannedOutBy).OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => $"{c.Key} {c.Value}")));
        report.Line("");
        report.Line("A trace of the median length; start and length in ms, then the time from left to right:");
        report.Line("");
        foreach (string line in middle.MinBy(t => Math.Abs(t.ClientMs - whole))!.Draw().Split('\n', StringSplitOptions.RemoveEmptyEntries))
            report.Line("    " + line);

        double Median(Func<(double Way, double Before, double Search), double> of) => Report.Median(middle.SelectMany(t => t.Shards).Select(of));
    }

    private static void Ratios(Report report, TopologyResult[] results)
    {
        report.Heading("The cluster over the index in this process");
        foreach (TopologyResult result in results)
        {
            ClosedLoop loop = result.Loop;
            Cost http = loop.Http[0];
            report.Figure($"{result.Name}, {http.Name}", Invariant(
                $"median {http.Quantile(0.5) / loop.InTurn.Quantile(0.5):F2} of the indexes searched one after the other, {http.Quantile(0.5) / loop.AtOnce.Quantile(0.5):F2} of them searched on all cores; processor time {Ratio(http, result):F2}"));
        }
    }

    private static void Open(Report report, ClusterSettings settings, TopologyResult result, OpenResult open)
    {
        double idle = result.IdleMs / settings.Rate, searches = ClusterSettings.Shards * result.Loop.Searches.Order().ElementAt(result.Loop.Searches.Count / 2);
        double[] took = [.. open.Took.Order()], calls = [.. open.Answers.Select(a => a.Timings.SearchMs).Order()];
        report.Heading("3 silos and a gateway: open loop");
        report.Line(Invariant($"Poisson arrivals, {settings.Rate} a second for {settings.Seconds} s ({took.Length:N0} requests), latency from when each was due; servers' processor time {open.ServerMs:F2} ms a request; load average {open.Load}."));
        report.Line("");
        report.Line("| ms | p50 | p90 | p99 | p99.9 | max |");
        report.Line("|---|---|---|---|---|---|");
        Row("identify, from due to answered", took);
        Row("of it all grain calls", calls);
        report.Line("");
        report.Figure("Processor time a request besides the searches, by shard", Invariant(
            $"{1e3 * (open.ServerMs - idle - searches) / ClusterSettings.Shards:F0} us (servers {open.ServerMs:F2} ms, of it idle {idle:F2}, eight searches {searches:F2}; HTTP and gateway are in it): what bench/ScaleModel calls --call-us"));

        void Row(string what, double[] sorted) => report.Line(Invariant($"| {what} | {At(sorted, 0.5):F3} | {At(sorted, 0.9):F3} | {At(sorted, 0.99):F3} | {At(sorted, 0.999):F3} | {sorted[^1]:F3} |"));
        static double At(double[] sorted, double q) => sorted[(int)(q * (sorted.Length - 1))];
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
