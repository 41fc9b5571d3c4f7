using System.Collections.Concurrent;
using System.Diagnostics;
using FaceSearch.FaultBench.Load;
using FaceSearch.FaultBench.Reports;
using FaceSearch.FaultBench.Servers;
using FaceSearch.Tests.Servers;

namespace FaceSearch.FaultBench.Scenarios;

/// <summary>
/// All silos and gateways on one processor, the clients on another. The capacity is what a closed loop gets; then an open loop sends three times that,
/// however slowly answers come.
/// </summary>
internal sealed class OverloadScenario : Scenario
{
    private const int ClosedLoop = 48, Deadline = 2_000, MostUnderWay = 6_000, Tolerance = 50, Times = 3, MostWindows = 12;
    private const double Steady = 1.05;
    private const string ServersProcessor = "0";
    private static readonly TimeSpan Warm = TimeSpan.FromSeconds(5), Measured = TimeSpan.FromSeconds(10), Step = TimeSpan.FromSeconds(5);

    public override string Name => "overload";

    public override string Fault => "identify at three times the measured capacity, open loop; servers on one processor";

    public override string Pass => "429 or 503 with Retry-After, memory bounded, p99 of the accepted <= deadline + 50 ms";

    public override string Unit => "seconds";

    public override (int Short, int Long) Doses => (10, 600);

    public override string? Missing => PostgresServer.Missing ?? (Tool.Exists("taskset") ? null : "taskset is not installed: apt-get install util-linux");

    public override async Task RunAsync(Run run, Row row)
    {
        await using FaultCluster cluster = await FaultCluster.StartAsync(run.Folder, run.SiloDll, wired: false);
        foreach (ServerNode node in cluster.Nodes)
            await Tool.RunAsync("taskset", "-a", "-c", "-p", ServersProcessor, FormattableString.Invariant($"{node.ProcessId}"));
        Ledger ledger = new(run.Folder, run.IsUntimed);
        await Service.MakeAsync(cluster, ledger);
        Person[] known = [.. ledger.People];
        int seconds = run.Dose ?? (run.IsLong ? Doses.Long : Doses.Short);
        run.Progress.Begin(seconds);
        double capacity = await CapacityAsync(cluster, known, untilSteady: run.IsLong);
        row.Counts["capacity, identifications/s"] = (long)capacity;
        row.Counts["sent, identifications/s"] = (long)(Times * capacity);
        Memory memory = new(cluster);
        Totals totals = new();
        try
        {
            using CancellationTokenSource stop = new();
            Task load = OpenAsync(cluster, ledger, known, Times * capacity, totals, stop.Token);
            for (; row.Dose < seconds && !run.IsOver; row.Dose += (int)Step.TotalSeconds)
            {
                await Task.Delay(Step);
                memory.Sample();
                run.Progress.Advance(FormattableString.Invariant($"{totals.Accepted.Count} accepted, {totals.Shed} shed, {memory.Now >> 20} MiB"), (int)Step.TotalSeconds);
            }
            await stop.CancelAsync();
            await load;
            long since = Stopwatch.GetTimestamp();
            TimeSpan? back = await new Service(cluster, known).BackAsync(since);
            if (back is { } took)
                row.Time("back after the load", took);
            await Checks.AllAsync(ledger, cluster, cluster.Doors);
        }
        finally
        {
            Judge(ledger, row, totals, memory);
            row.Take(ledger);
        }
    }

    /// <summary>What a closed loop gets. New processes get faster for a minute, while their code is compiled anew: until they no longer do.</summary>
    private static async Task<double> CapacityAsync(FaultCluster cluster, Person[] known, bool untilSteady)
    {
        await ClosedAsync(cluster, known, Warm);
        double best = await ClosedAsync(cluster, known, Measured);
        for (int window = 1; untilSteady && window < MostWindows; window++)
        {
            double next = await ClosedAsync(cluster, known, Measured);
            if (next < Steady * best)
                return Math.Max(best, next);
            best = next;
        }
        return best;
    }

    /// <summary>Answers a second of clients that each wait for theirs.</summary>
    private static async Task<double> ClosedAsync(FaultCluster cluster, Person[] known, TimeSpan length)
    {
        int answered = 0;
        Stopwatch watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, ClosedLoop).Select(c => Task.Run(async () =>
        {
            for (int i = c; watch.Elapsed < length; i++)
            {
                if ((await cluster.Doors[i % cluster.Doors.Count].IdentifyAsync(Faces.Of(known[i % known.Length].Number))).IsSuccess)
                    Interlocked.Increment(ref answered);
            }
        })));
        return answered / watch.Elapsed.TotalSeconds;
    }

    private static async Task OpenAsync(FaultCluster cluster, Ledger ledger, Person[] known, double rate, Totals totals, CancellationToken stop)
    {
        Stopwatch watch = Stopwatch.StartNew();
        for (long sent = 0; !stop.IsCancellationRequested;)
        {
            for (long due = (long)(watch.Elapsed.TotalSeconds * rate); sent < due; sent++)
            {
                if (Volatile.Read(ref totals.UnderWay) >= MostUnderWay)
                {
                    totals.NotSent++;
                    continue;
                }
                Interlocked.Increment(ref totals.UnderWay);
                _ = SendAsync(cluster.Doors[(int)(sent % cluster.Doors.Count)], ledger, known[sent % known.Length], totals);
            }
            await Task.Delay(2, CancellationToken.None);
        }
        while (Volatile.Read(ref totals.UnderWay) > 0)
            await Task.Delay(50, CancellationToken.None);
    }

    private static async Task SendAsync(ApiClient door, Ledger ledger, Person person, Totals totals)
    {
        Reply reply = await door.IdentifyAsync(Faces.Of(person.Number));
        Interlocked.Decrement(ref totals.UnderWay);
        if (reply.IsSuccess)
        {
            totals.Accepted.Add(reply.Took.TotalMilliseconds);
            Operations.Judge(ledger, person, reply, "under overload, a gateway");
            return;
        }
        ledger.Answer("identify", reply.Kind);
        if (reply.SaysWhen && (int?)reply.Status is 429 or 503)
            Interlocked.Increment(ref totals.Shed);
    }

    private static void Judge(Ledger ledger, Row row, Totals totals, Memory memory)
    {
        if (totals.Accepted.IsEmpty)
            ledger.Violate("nothing was accepted");
        else
        {
            row.Identified([.. totals.Accepted]);
            if (row.IdentifyMilliseconds!.P99 > Deadline + Tolerance)
                ledger.Late(FormattableString.Invariant($"late: p99 of the accepted is {row.IdentifyMilliseconds.P99:f0} ms with a deadline of {Deadline} ms"));
        }
        row.Counts["accepted"] = totals.Accepted.Count;
        row.Counts["shed by 429 or 503 with Retry-After"] = totals.Shed;
        row.Counts["not sent by the client"] = totals.NotSent;
        if (ledger.Answers.Where(a => a.Key.StartsWith("identify: ", StringComparison.Ordinal) && a.Key is not ("identify: 429" or "identify: 503")).Sum(a => a.Value) is var others && others > 0)
            ledger.Violate($"{others} refusals other than 429 or 503 with Retry-After");
        memory.Judge(ledger, row);
    }

    private sealed class Totals
    {
        public int UnderWay, Shed;

        public ConcurrentBag<double> Accepted { get; } = [];

        public long NotSent { get; set; }
    }

    /// <summary>Resident memory of all silos and gateways together.</summary>
    private sealed class Memory(FaultCluster cluster)
    {
        private readonly List<long> _samples = [];

        public long Now => _samples.Count == 0 ? 0 : _samples[^1];

        public void Sample() => _samples.Add(cluster.Nodes.Sum(n => n.ResidentBytes()));

        /// <summary>Bounded: the last third's peak is not more than a tenth above the middle third's.</summary>
        public void Judge(Ledger ledger, Row row)
        {
            if (_samples.Count < 3)
                return;
            int third = _samples.Count / 3;
            long middle = _samples.Skip(third).Take(third).Max(), last = _samples.Skip(2 * third).Max();
            row.Counts["memory of all servers, MiB: peak of the middle third"] = middle >> 20;
            row.Counts["memory of all servers, MiB: peak of the last third"] = last >> 20;
            if (_samples.Count >= 12 && last > 1.1 * middle)
                ledger.Violate("memory still grew in the last third");
        }
    }
}
