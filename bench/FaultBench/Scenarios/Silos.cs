using FaceSearch.FaultBench.Load;
using FaceSearch.FaultBench.Network;
using FaceSearch.FaultBench.Reports;
using FaceSearch.FaultBench.Servers;
using FaceSearch.Tests.Servers;

namespace FaceSearch.FaultBench.Scenarios;

/// <summary>A scenario of rounds on three silos under traffic: fault, service back, checks of what changed since; everything at the end.</summary>
internal abstract class SiloScenario : Scenario
{
    private const int Sample = 60;

    /// <summary>Within which the service must be back, unless a scenario says otherwise.</summary>
    protected static TimeSpan Limit => TimeSpan.FromSeconds(30);

    /// <summary>For a silo that falls silent, which nobody can tell from a slow one at once.</summary>
    protected static TimeSpan SilentLimit => TimeSpan.FromSeconds(90);

    public override string? Missing => PostgresServer.Missing ?? (IsWired ? Wire.Missing : null);

    public override async Task RunAsync(Run run, Row row)
    {
        await using FaultCluster cluster = await FaultCluster.StartAsync(run.Folder, NeedsBefore ? run.BeforeDll! : run.SiloDll, IsWired);
        Ledger ledger = new(run.Folder, run.IsUntimed);
        Service service = await Service.MakeAsync(cluster, ledger);
        Stage stage = new(run, row, cluster, ledger, service, new Random(run.Seed));
        int rounds = run.Dose ?? (run.IsLong ? Doses.Long : Doses.Short);
        run.Progress.Begin(rounds);
        try
        {
            Traffic traffic = new(ledger, () => cluster.Doors, run.Rate, run.Seed);
            await using (traffic)
            {
                int checkedUpTo = 0;
                for (int round = 0; round < rounds && !run.IsOver; round++)
                {
                    await RoundAsync(stage, round);
                    await WholeAsync(stage);
                    IReadOnlyList<Person> people = ledger.People;
                    await Checks.FindAsync(ledger, cluster.Doors, people.Skip(checkedUpTo).Concat(people.Take(checkedUpTo).OrderBy(_ => stage.Random.Next()).Take(Sample)).ToArray());
                    checkedUpTo = people.Count;
                    row.Dose++;
                    run.Progress.Advance($"{ledger.Acknowledged} acknowledged, {ledger.Unknown} unknown, {ledger.Violated} violations");
                }
            }
            row.Identified(traffic.Identified);
            run.Progress.Note("checking everything");
            await Checks.AllAsync(ledger, cluster, [.. cluster.Doors, .. cluster.Silos.Where(s => s.IsRunning).Select(s => s.Client)]);
            await EndAsync(stage);
        }
        finally
        {
            row.Take(ledger);
            row.Counts["epochs opened"] = await Audit.EpochsAsync(cluster.Postgres);
        }
    }

    /// <summary>One fault, healed, until the service is back.</summary>
    protected abstract Task RoundAsync(Stage stage, int round);

    protected virtual Task EndAsync(Stage stage) => Task.CompletedTask;

    /// <summary>Measures until reads and writes of all shards are answered through every gateway; never, and late where times are judged, is a violation.</summary>
    protected static async Task BackAsync(Stage stage, string what, long since, TimeSpan limit)
    {
        TimeSpan? took = await stage.Service.BackAsync(since);
        if (took is { } back)
            stage.Row.Time(what, back);
        if (took is null)
            stage.Ledger.Violate($"not back: {what} took too long");
        else if (took > limit)
            stage.Ledger.Late(FormattableString.Invariant($"not back: {what} took {took.Value.TotalSeconds:f1} s"));
    }

    /// <summary>All silos run and are active members again; one that ended is started.</summary>
    protected static async Task WholeAsync(Stage stage)
    {
        long begin = System.Diagnostics.Stopwatch.GetTimestamp();
        foreach (ServerNode silo in stage.Cluster.Silos.Where(s => !s.IsRunning))
        {
            stage.Row.Counts["silos started again"] = stage.Row.Counts.GetValueOrDefault("silos started again") + 1;
            silo.Launch();
        }
        while (true)
        {
            foreach (ServerNode silo in stage.Cluster.Silos.Where(s => !s.IsRunning))
                silo.Launch();
            if (await stage.Cluster.ActiveSilosAsync() == stage.Cluster.Silos.Count && (await Task.WhenAll(stage.Cluster.Nodes.Select(n => n.Client.IsReadyAsync()))).All(ready => ready))
                return;
            if (System.Diagnostics.Stopwatch.GetElapsedTime(begin) > TimeSpan.FromMinutes(3))
                throw new TimeoutException("The cluster did not become whole again within 3 minutes.");
            await Task.Delay(250);
        }
    }
}

/// <summary>What a round works on.</summary>
internal sealed record Stage(Run Run, Row Row, FaultCluster Cluster, Ledger Ledger, Service Service, Random Random);
