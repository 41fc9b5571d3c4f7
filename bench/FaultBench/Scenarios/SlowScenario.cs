using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using FaceSearch.FaultBench.Load;
using FaceSearch.FaultBench.Network;
using FaceSearch.FaultBench.Reports;
using FaceSearch.FaultBench.Servers;
using FaceSearch.Tests.Servers;

namespace FaceSearch.FaultBench.Scenarios;

/// <summary>
/// Every packet that one silo sends arrives 500 ms late. Identifications with the usual deadline and with one that is shorter than the delay, with and
/// without allowPartial, are timed from the client, whatever they are answered.
/// </summary>
internal sealed class SlowScenario : Scenario
{
    private const int Askers = 6, Usual = 2_000, Short = 400;
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(500), Tolerance = TimeSpan.FromMilliseconds(50), Step = TimeSpan.FromSeconds(5);

    public override string Name => "slow";

    public override string Fault => "every packet of one silo of 3 is 500 ms late (TUN device between its namespace and the others)";

    public override string Pass => "p99 of identify <= deadline + 50 ms; never an unflagged partial answer";

    public override string Unit => "seconds";

    public override (int Short, int Long) Doses => (15, 600);

    public override bool IsWired => true;

    public override string? Missing => PostgresServer.Missing ?? Wire.Missing;

    public override async Task RunAsync(Run run, Row row)
    {
        await using FaultCluster cluster = await FaultCluster.StartAsync(run.Folder, run.SiloDll, wired: true);
        Ledger ledger = new(run.Folder, run.IsUntimed);
        await Service.MakeAsync(cluster, ledger);
        Person[] known = [.. ledger.People];
        int seconds = run.Dose ?? (run.IsLong ? Doses.Long : Doses.Short);
        run.Progress.Begin(seconds);
        ConcurrentBag<(int Deadline, double Over, bool Answered, bool Partial)> asked = [];
        int slow = new Random(run.Seed).Next(cluster.Silos.Count);
        try
        {
            await using (new Traffic(ledger, () => cluster.Doors, run.Rate / 2, run.Seed))
            {
                cluster.Wires[slow].Set(new Condition(Delay: Delay), default);
                using CancellationTokenSource stop = new();
                Task[] askers = [.. Enumerable.Range(0, Askers).Select(a => Task.Run(() => AskAsync(cluster, ledger, known, asked, Askers / (run.Rate / 2), new Random(run.Seed + 100 + a), stop.Token)))];
                for (; row.Dose < seconds && !run.IsOver; row.Dose += (int)Step.TotalSeconds)
                {
                    await Task.Delay(Step);
                    run.Progress.Advance($"{asked.Count} asked, {ledger.Violated} violations", (int)Step.TotalSeconds);
                }
                await stop.CancelAsync();
                await Task.WhenAll(askers);
            }
            cluster.Wires[slow].Heal();
            await Checks.AllAsync(ledger, cluster, cluster.Doors);
        }
        finally
        {
            Judge(ledger, row, [.. asked]);
            row.Take(ledger);
        }
    }

    private static async Task AskAsync(FaultCluster cluster, Ledger ledger, Person[] known, ConcurrentBag<(int, double, bool, bool)> asked, double period, Random random, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            Person person = known[random.Next(known.Length)];
            (int deadline, bool allow) = (random.Next(2) == 0 ? Usual : Short, random.Next(2) == 0);
            Reply reply = await cluster.Doors[random.Next(cluster.Doors.Count)].IdentifyAsync(Faces.Of(person.Number), deadline, allow);
            bool partial = false;
            if (reply.IsSuccess)
            {
                partial = reply.Body.GetProperty("shardsAnswered").GetInt32() < reply.Body.GetProperty("shardsTotal").GetInt32();
                bool flagged = reply.Body.TryGetProperty("warnings", out JsonElement warnings) && warnings.GetArrayLength() > 0;
                if (partial && !(allow && flagged))
                    ledger.Violate("an unflagged partial answer");
                if (!partial)
                    Operations.Judge(ledger, person, reply, "with a slow silo, a gateway");
            }
            else
                ledger.Answer($"identify within {deadline} ms{(allow ? ", partial allowed" : "")}", reply.Kind);
            asked.Add((deadline, reply.Took.TotalMilliseconds - deadline, reply.IsSuccess, partial));
            await Task.Delay(TimeSpan.FromSeconds(period * random.NextDouble() * 2), CancellationToken.None);
        }
    }

    private static void Judge(Ledger ledger, Row row, (int Deadline, double Over, bool Answered, bool Partial)[] asked)
    {
        foreach (var some in asked.GroupBy(a => a.Deadline).OrderBy(g => g.Key))
        {
            Spread took = Spread.Of(some.Select(a => a.Over + a.Deadline));
            row.Milliseconds[$"identify with a deadline of {some.Key} ms, any answer"] = took;
            if (took.P99 > some.Key + Tolerance.TotalMilliseconds)
                ledger.Late(FormattableString.Invariant($"late: p99 {took.P99:f0} ms with a deadline of {some.Key} ms"));
        }
        row.Counts["identifications answered in full"] = asked.Count(a => a.Answered && !a.Partial);
        row.Counts["identifications answered in part, and so marked"] = asked.Count(a => a.Partial);
        row.Counts["identifications refused"] = asked.Count(a => !a.Answered);
    }
}
