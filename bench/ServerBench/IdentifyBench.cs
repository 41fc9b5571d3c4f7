using System.Diagnostics;
using FaceSearch.Http;
using HdrHistogram;

namespace FaceSearch.ServerBench;

/// <summary>Identify by embedding: one at a time beside an empty endpoint, and under an open loop.</summary>
internal static class IdentifyBench
{
    private const string Gallery = "people", OneCallPath = $"{HttpApi.Base}/keys";
    private const double Allowance = 0.3, TailLimit = 5;
    private const int Probes = 4_096, Block = 50;

    public static async Task RunAsync(BenchSettings settings, Report report, CancellationToken cancellation)
    {
        report.Heading($"Identify by embedding, {settings.People:N0} identities");
        Templates templates = new(settings.People);
        var random = new Random(2);
        (byte[] Body, string Person)[] probes = new (byte[], string)[Probes];
        for (int i = 0; i < probes.Length; i++)
        {
            int person = random.Next(settings.People);
            probes[i] = (ServerClient.IdentifyBody(templates.Probe(person, random)), Templates.Identity(person));
        }

        await using Server server = await Server.StartAsync(settings, null, cancellation);
        await server.Client.CreateGalleryAsync(Gallery, new GalleryRequest { Model = "external" }, cancellation);
        await BulkLoad.RunAsync(server, Gallery, templates, 0, settings.People, ConflictPolicy.Allow, settings.Streams, cancellation);
        await server.Client.CalibrateAsync(Gallery, cancellation);
        await WaitForGraphAsync(server, cancellation);
        (ChildProcess emptyProcess, ServerClient emptyClient) = await EmptyHost.StartAsync(cancellation);
        using (emptyProcess)
        using (emptyClient)
            await SequentialAsync(settings, server, emptyClient, probes, report, cancellation);
        await OpenLoopAsync(settings, server, probes, report, cancellation);
    }

    /// <summary>Waits until enrolment's background work (moving templates into the graph) no longer takes processor time.</summary>
    private static async Task WaitForGraphAsync(Server server, CancellationToken cancellation)
    {
        for (int quiet = 0; quiet < 3;)
        {
            TimeSpan before = server.Process.ProcessorTime;
            await Task.Delay(1_000, cancellation);
            quiet = server.Process.ProcessorTime - before < TimeSpan.FromMilliseconds(100) ? quiet + 1 : 0;
        }
    }

    /// <summary>One connection, one request at a time; blocks of the three kinds take turns, so that all meet the same machine.</summary>
    private static async Task SequentialAsync(
        BenchSettings settings, Server server, ServerClient empty, (byte[] Body, string Person)[] probes, Report report, CancellationToken cancellation)
    {
        List<double> identify = [], keys = [], bare = [], index = [], search = [], total = [];
        int right = 0;
        for (int done = -settings.Requests / 4; done < settings.Requests; done += Block)
        {
            // The first quarter warms up the just-in-time compiler.
            bool counts = done >= 0;
            for (int i = 0; i < Block; i++)
            {
                long start = Stopwatch.GetTimestamp();
                await empty.GetAsync(EmptyHost.Path, cancellation);
                Keep(bare, start, counts);
            }
            // Answers are read after the block: between two requests the client does the same in every kind of block.
            (int Status, byte[] Answer)[] answers = new (int, byte[])[Block];
            for (int i = 0; i < Block; i++)
            {
                long start = Stopwatch.GetTimestamp();
                answers[i] = await server.Client.IdentifyAsync(Gallery, probes[At(done + i)].Body, cancellation);
                Keep(identify, start, counts);
            }
            for (int i = 0; i < Block && counts; i++)
            {
                IdentifyResponse read = ServerClient.Read(answers[i].Status, answers[i].Answer);
                index.Add(read.Timings.IndexMs);
                search.Add(read.Timings.SearchMs);
                total.Add(read.Timings.TotalMs);
                right += read.Results[0].Candidates is [{ } best, ..] && best.Identity == probes[At(done + i)].Person ? 1 : 0;
            }
            for (int i = 0; i < Block; i++)
            {
                long start = Stopwatch.GetTimestamp();
                await server.Client.GetAsync(OneCallPath, cancellation);
                Keep(keys, start, counts);
            }
        }
        double whole = Report.Median(identify), nothing = Report.Median(bare), own = Report.Median(index);
        report.Line($"{identify.Count:N0} requests of each kind, one at a time, in blocks of {Block} that take turns; medians in milliseconds; load average {Report.LoadAverage()}.");
        report.Line("");
        report.Line("| what | ms |");
        report.Line("|---|---|");
        report.Line($"| empty endpoint with one grain call, bare Kestrel and Orleans | {nothing.F3()} |");
        report.Line($"| GET {OneCallPath}: one grain call behind the gateway's middleware | {Report.Median(keys).F3()} |");
        report.Line($"| identify | {whole.F3()} |");
        report.Line($"| of it the index's own search | {own.F3()} |");
        report.Line($"| of it all grain calls (identify, shard, search thread), as the gateway saw them | {Report.Median(search).F3()} |");
        report.Line($"| of it the gateway's handler after the body was read | {Report.Median(total).F3()} |");
        report.Line($"| identify - empty - index | {(whole - nothing - own).F3()} |");
        report.Line("");
        report.Figure("Right person first", $"{100.0 * right / identify.Count:F2} %");
        report.Rule($"median(identify) <= median(empty) + index + {Allowance} ms ({whole.F3()} <= {(nothing + own + Allowance).F3()})", whole <= nothing + own + Allowance);
    }

    private static async Task OpenLoopAsync(BenchSettings settings, Server server, (byte[] Body, string Person)[] probes, Report report, CancellationToken cancellation)
    {
        Func<int, Task> request = async i =>
        {
            (int status, byte[] answer) = await server.Client.IdentifyAsync(Gallery, probes[i % probes.Length].Body, cancellation);
            ServerClient.Ensure(status, answer);
        };
        await OpenLoop.RunAsync(settings.Rate, Math.Min(3, settings.Seconds), request);
        using var self = Process.GetCurrentProcess();
        TimeSpan serverBefore = server.Process.ProcessorTime, clientBefore = self.TotalProcessorTime;
        LongHistogram h = await OpenLoop.RunAsync(settings.Rate, settings.Seconds, request);
        self.Refresh();
        double server1 = (server.Process.ProcessorTime - serverBefore).TotalSeconds, client1 = (self.TotalProcessorTime - clientBefore).TotalSeconds;
        double p99 = h.GetValueAtPercentile(99) / 1000.0;
        report.Line("");
        report.Line($"Open loop, {settings.Rate} requests/s for {settings.Seconds} s, latency from when each was due; load average {Report.LoadAverage()}.");
        report.Line("");
        report.Line("| p50 ms | p90 | p99 | p99.9 | max | server CPU ms/request | client CPU ms/request | server memory MiB |");
        report.Line("|---|---|---|---|---|---|---|---|");
        report.Line(FormattableString.Invariant(
            $"| {h.GetValueAtPercentile(50) / 1000.0:F3} | {h.GetValueAtPercentile(90) / 1000.0:F3} | {p99:F3} | {h.GetValueAtPercentile(99.9) / 1000.0:F3} | {h.GetMaxValue() / 1000.0:F3} | {1000 * server1 / h.TotalCount:F3} | {1000 * client1 / h.TotalCount:F3} | {server.Process.Memory >> 20:N0} |"));
        report.Line("");
        report.Rule($"p99 <= {TailLimit} ms at {settings.Rate} requests/s", p99 <= TailLimit);
    }

    private static int At(int request) => request & (Probes - 1);

    private static void Keep(List<double> into, long start, bool counts)
    {
        if (counts)
            into.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }
}
