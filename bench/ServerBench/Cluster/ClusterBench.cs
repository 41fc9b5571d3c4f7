using System.Diagnostics;
using FaceSearch.FaultBench.Servers;
using FaceSearch.Tests.Servers;
using FaceSearch.Http;
using FaceSearch.ServerBench.Cluster.Traces;

namespace FaceSearch.ServerBench.Cluster;

/// <summary>What one topology showed.</summary>
/// <param name="Name">Such as "1 silo".</param>
/// <param name="Loop">One request at a time.</param>
/// <param name="Traces">One list a door.</param>
/// <param name="Spread">Shards a silo.</param>
/// <param name="Memory">Of each process.</param>
/// <param name="IdleMs">Processor time of the servers in a second in which nobody asks.</param>
/// <param name="Load">Load average at the end.</param>
internal sealed record TopologyResult(string Name, ClosedLoop Loop, IReadOnlyList<(Door Door, List<RequestTrace> Traces)> Traces, int[] Spread, string Memory, double IdleMs, string Load);

/// <summary>What the open loop showed.</summary>
/// <param name="Took">Milliseconds of each request, from when it was due.</param>
/// <param name="ServerMs">Processor time of the servers a request.</param>
internal sealed record OpenResult(double[] Took, IdentifyResponse[] Answers, double ServerMs, string Load);

/// <summary>
/// Identification by embedding in one gallery of eight shards, beside eight indexes in this process: one silo, then three silos and a gateway, on
/// the same stored gallery (PostgreSQL), enrolled once.
/// </summary>
internal static class ClusterBench
{
    private const int PerRequest = 25_000;
    private static readonly Stopwatch s_clock = Stopwatch.StartNew();

    public static async Task RunAsync(ClusterSettings settings, Report report, CancellationToken cancellation)
    {
        if (PostgresServer.Missing is { } missing)
            throw new InvalidOperationException(missing);
        Say($"generating {settings.Identities:N0} templates");
        Workload load = new(settings.Identities);
        string folder = Path.Combine(settings.Work.FullName, $"facesearch-cluster-{Guid.NewGuid():n}");
        try
        {
            await using FaultCluster cluster = await FaultCluster.StartAsync(folder, settings.Dll, wired: false, silos: 0, gateways: 0, audited: false);
            ServerNode[] silos = [.. Enumerable.Range(0, ClusterSettings.MostSilos).Select(_ => cluster.AddSilo())];
            ServerNode gateway = cluster.AddGateway();
            (double enrolSeconds, GalleryDescription gallery) = await EnrolAsync(cluster, silos[0], load, cancellation);
            Say("filling the indexes in this process");
            using LocalIndexes indexes = new(load, ClusterSettings.Shards);
            string[] engines = [.. gallery.Shards.Select(s => s.Engine).Distinct()];
            if (engines is not [{ } engine] || engine != indexes.Engine)
                throw new InvalidOperationException($"The shards answer by {string.Join(", ", engines)}, the indexes here by {indexes.Engine}: no comparison.");
            ClusterReport.Head(report, settings, gallery, enrolSeconds, engine);

            Func<Topology> one = () => new("1 silo", silos[..1], []), three = () => new("3 silos and a gateway", silos, [gateway]);
            TopologyResult single = await MeasureAsync(one, cluster, settings, load, indexes, null, cancellation);
            OpenResult? open = null;
            TopologyResult triple = await MeasureAsync(three, cluster, settings, load, indexes, async t => open = await OpenAsync(t, settings, load, cancellation), cancellation);
            if (settings.Scale is not null)
                ScaleFiles.Write(settings, Due(settings), open!.Took, open.Answers, triple.Loop.Searches);
            ClusterReport.Write(report, settings, [single, triple], open!);
        }
        finally
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
        Say("done");
    }

    /// <summary>Into one silo, by bulk requests; ends when the thresholds are measured and every change is in a snapshot.</summary>
    private static async Task<(double Seconds, GalleryDescription Gallery)> EnrolAsync(FaultCluster cluster, ServerNode silo, Workload load, CancellationToken cancellation)
    {
        cluster.More = _ => ["--Shards:SnapshotWhenQuiet=00:00:05"];
        await using Topology enrolling = new("enrolling", [silo], []);
        await enrolling.StartAsync();
        ServerClient client = enrolling.Doors[0].Client;
        await client.CreateGalleryAsync(ClusterSettings.Gallery, new GalleryRequest { Model = "external", Shards = ClusterSettings.Shards }, cancellation);
        long start = Stopwatch.GetTimestamp();
        for (int from = 0; from < load.Identities; from += PerRequest)
        {
            int to = Math.Min(load.Identities, from + PerRequest);
            using HttpContent body = load.Templates.Bulk(from, to, ConflictPolicy.Allow);
            await client.BulkAsync(ClusterSettings.Gallery, body, cancellation);
            Say($"enrolled {to:N0}, {to / Stopwatch.GetElapsedTime(start).TotalSeconds:N0} a second");
        }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Say("calibrating, writing snapshots");
        await client.CalibrateAsync(ClusterSettings.Gallery, cancellation);
        await enrolling.QuietAsync(cancellation);
        await enrolling.SavedAsync(cancellation);
        GalleryDescription gallery = await enrolling.DescribeAsync(cancellation);
        cluster.More = _ => [];
        return gallery.Templates == load.Identities ? (seconds, gallery) : throw new InvalidOperationException($"The gallery holds {gallery.Templates} of {load.Identities} templates.");
    }

    /// <summary>Once as it is, for the figures; once more with every span exported, for the traces.</summary>
    private static async Task<TopologyResult> MeasureAsync(Func<Topology> make, FaultCluster cluster, ClusterSettings settings, Workload load, LocalIndexes indexes,
        Func<Topology, Task>? besides, CancellationToken cancellation)
    {
        TopologyResult result;
        await using (Topology topology = make())
        {
            await ReadyAsync(topology, load, cancellation);
            ClosedLoop loop = new(load, indexes, topology);
            Say($"{topology.Name}: {settings.Requests:N0} requests of each kind, one at a time");
            await loop.RunAsync(settings.Requests, cancellation);
            await topology.QuietAsync(cancellation);
            result = new(topology.Name, loop, [], topology.Spread, topology.Memory, await topology.IdleAsync(cancellation), Report.LoadAverage());
            if (besides is not null)
                await besides(topology);
        }
        await using Collector collector = await Collector.StartAsync();
        cluster.More = collector.Arguments;
        await using Topology traced = make();
        await ReadyAsync(traced, load, cancellation);
        cluster.More = _ => [];
        List<(Door, List<RequestTrace>)> traces = [];
        foreach (Door door in traced.Doors)
        {
            Say($"{traced.Name}: traces of requests to {door.Name}");
            traces.Add((door, await TraceRun.RunAsync(door, load, settings.Traced, collector, cancellation)));
        }
        return result with { Traces = traces };
    }

    private static async Task ReadyAsync(Topology topology, Workload load, CancellationToken cancellation)
    {
        Say($"{topology.Name}: starting");
        await topology.StartAsync();
        await topology.OpenAsync(load[1].Body, cancellation);
        await topology.QuietAsync(cancellation);
        Say($"{topology.Name}: shards {string.Join(" + ", topology.Spread)}; MiB: {topology.Memory}");
    }

    /// <summary>Through the first door at random times, after a warm-up of three seconds.</summary>
    private static async Task<OpenResult> OpenAsync(Topology topology, ClusterSettings settings, Workload load, CancellationToken cancellation)
    {
        Say($"{topology.Name}: {settings.Rate} requests a second for {settings.Seconds} s");
        ServerClient client = topology.Doors[0].Client;
        double[] due = Due(settings);
        (int Status, byte[] Answer)[] answers = new (int, byte[])[due.Length];
        Func<int, Task> request = async i => answers[i] = await client.IdentifyAsync(ClusterSettings.Gallery, load[i].Body, cancellation);
        await OpenLoop.RunAsync([.. due.TakeWhile(d => d < 3)], request);
        TimeSpan before = topology.ProcessorTime;
        double[] took = await OpenLoop.RunAsync(due, request);
        double serverMs = (topology.ProcessorTime - before).TotalMilliseconds / due.Length;
        return new(took, [.. answers.Select(a => ServerClient.Read(a.Status, a.Answer))], serverMs, Report.LoadAverage());
    }

    private static double[] Due(ClusterSettings settings) => OpenLoop.Poisson(settings.Rate, settings.Seconds, new Random(3));

    private static void Say(string what) => Console.Error.WriteLine(FormattableString.Invariant($"  {s_clock.Elapsed.TotalSeconds,6:F0} s  {what}"));
}
