using System.Diagnostics;
using FaceSearch.FaultBench.Load;
using FaceSearch.FaultBench.Servers;

namespace FaceSearch.FaultBench.Scenarios;

/// <summary>
/// SIGSTOP of a silo, then SIGCONT. Enrolments are sent to it while it sleeps, so that it wakes up with appends under its old epochs; and from the
/// moment it wakes it is asked, through its own HTTP port, for people whom the others enrolled and erased meanwhile.
/// </summary>
internal sealed class PauseScenario : SiloScenario
{
    private const int Late = 12, Asked = 40;
    private static readonly TimeSpan AskFor = TimeSpan.FromSeconds(15);

    public override string Name => "pause";

    public override string Fault => "SIGSTOP of a random silo of 3 for 60 s (short dose: 15 s), then SIGCONT";

    public override string Pass => "all its late appends rejected (one writer an epoch), no stale read past the lease, nothing lost or returned";

    public override string Unit => "pauses";

    public override (int Short, int Long) Doses => (1, 20);

    protected override async Task RoundAsync(Stage stage, int round)
    {
        TimeSpan sleep = TimeSpan.FromSeconds(stage.Run.IsLong ? 60 : 15);
        ServerNode victim = stage.Cluster.Silos[stage.Random.Next(stage.Cluster.Silos.Count)];
        HashSet<Person> before = [.. stage.Ledger.People.Where(p => p.Known == Known.Present)];
        int first = stage.Ledger.People.Count;
        // Under way when it falls asleep, and waiting in its socket when it wakes.
        Task late = LateAsync(stage, victim, Late / 2);
        long since = Stopwatch.GetTimestamp();
        victim.Pause();
        Task later = LateAsync(stage, victim, Late / 2);
        await BackAsync(stage, "back, without it", since, SilentLimit);
        TimeSpan left = sleep - Stopwatch.GetElapsedTime(since);
        if (left > TimeSpan.Zero)
            await Task.Delay(left);
        Person[] changed = [.. stage.Ledger.People.Where(p => (p.Number > first && p.Known == Known.Present) || (p.Known == Known.Absent && before.Contains(p))).TakeLast(Asked)];
        since = Stopwatch.GetTimestamp();
        victim.Resume();
        await AskAsync(stage, victim, changed, since);
        await Task.WhenAll(late, later);
        await BackAsync(stage, "back, after CONT", since, SilentLimit);
    }

    protected override Task EndAsync(Stage stage)
    {
        stage.Row.Counts["late appends rejected as fenced (log lines)"] = stage.Cluster.Silos.Sum(s => s.LinesWith("fenced"));
        return Task.CompletedTask;
    }

    private static Task LateAsync(Stage stage, ServerNode victim, int count) => Task.WhenAll(Enumerable.Range(0, count).Select(_ =>
    {
        Person person = stage.Ledger.Add();
        return Operations.EnrolAsync(stage.Ledger, victim.Client, person);
    }));

    /// <summary>Each answer must be right; none is as good.</summary>
    private static async Task AskAsync(Stage stage, ServerNode victim, Person[] changed, long since)
    {
        int answered = 0, refused = 0;
        while (Stopwatch.GetElapsedTime(since) < AskFor && victim.IsRunning)
        {
            await Parallel.ForEachAsync(changed, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (person, cancellation) =>
            {
                await person.Gate.WaitAsync(CancellationToken.None);
                try
                {
                    Reply reply = await victim.Client.IdentifyAsync(Faces.Of(person.Number));
                    _ = reply.IsSuccess ? Interlocked.Increment(ref answered) : Interlocked.Increment(ref refused);
                    Operations.Judge(stage.Ledger, person, reply, $"{victim.Name}, {Stopwatch.GetElapsedTime(since).TotalSeconds:f2} s after SIGCONT,");
                }
                finally
                {
                    person.Gate.Release();
                }
            });
            await Task.Delay(200);
        }
        stage.Row.Counts["asked of the woken silo: right"] = stage.Row.Counts.GetValueOrDefault("asked of the woken silo: right") + answered;
        stage.Row.Counts["asked of the woken silo: no answer"] = stage.Row.Counts.GetValueOrDefault("asked of the woken silo: no answer") + refused;
    }
}
