using System.Diagnostics;
using FaceSearch.Http;

namespace FaceSearch.ServerBench.Cluster;

/// <summary>What a kind of request cost.</summary>
/// <param name="Name">Of the kind.</param>
/// <param name="IsHttp">Sent to a server, and not answered in this process.</param>
internal sealed record Cost(string Name, bool IsHttp)
{
    public List<double> Milliseconds { get; } = [];

    public TimeSpan Client { get; set; }

    public TimeSpan Servers { get; set; }

    /// <summary>Milliseconds of processor time that the servers would have taken anyway, a request.</summary>
    /// <param name="idle">What they take in a second in which nobody asks, ms.</param>
    public double IdleMs(double idle) => IsHttp ? idle * Milliseconds.Average() / 1_000 : 0;

    /// <summary>Milliseconds of processor time a request, of this process and of the servers, without what they take anyway.</summary>
    public double ProcessorMs(double idle) => ((Client + Servers).TotalMilliseconds / Milliseconds.Count) - IdleMs(idle);

    public List<IdentifyTimings> Timings { get; } = [];

    public double Quantile(double q)
    {
        double[] sorted = [.. Milliseconds.Order()];
        return sorted[(int)(q * (sorted.Length - 1))];
    }
}

/// <summary>How right the answers were.</summary>
internal sealed record Truth
{
    public int Known { get; set; }

    public int Right { get; set; }

    public int Asked { get; set; }

    /// <summary>The first candidate is the one that the indexes in this process find.</summary>
    public int Same { get; set; }
}

/// <summary>One request at a time; blocks of each kind take turns, so that all meet the same machine.</summary>
internal sealed class ClosedLoop(Workload load, LocalIndexes indexes, Topology topology)
{
    private const int Block = 50, LeastWarmUp = 500;

    private readonly double[] _each = new double[ClusterSettings.Shards];
    private readonly int[] _best = new int[Block];

    public Cost InTurn { get; } = new("indexes in this process, one after the other", false);

    public Cost AtOnce { get; } = new("indexes in this process, on all cores", false);

    public Cost[] Http { get; } = [.. topology.Doors.Select(d => new Cost($"HTTP to {d.Name}", true))];

    public Truth Truth { get; } = new();

    /// <summary>Milliseconds of each search of one index.</summary>
    public List<double> Searches { get; } = [];

    public async Task RunAsync(int requests, CancellationToken cancellation)
    {
        // The first requests warm up the just-in-time compiler.
        for (int done = -Math.Max(LeastWarmUp, requests / 4) / Block * Block; done < requests; done += Block)
        {
            bool counts = done >= 0;
            Local(InTurn, counts, done, probe => indexes.InTurn(probe, _each));
            Local(AtOnce, counts, done, indexes.AtOnce);
            for (int door = 0; door < Http.Length; door++)
                await AskAsync(topology.Doors[door].Client, Http[door], counts, done, cancellation);
        }
    }

    private void Local(Cost cost, bool counts, int from, Func<float[], int> search)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        for (int i = 0; i < Block; i++)
        {
            float[] probe = load[from + i].Vector;
            long start = Stopwatch.GetTimestamp();
            _best[i] = search(probe);
            if (!counts)
                continue;
            cost.Milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            if (cost == InTurn)
                Searches.AddRange(_each);
        }
        if (counts)
            cost.Client += Environment.CpuUsage.TotalTime - before;
    }

    private async Task AskAsync(ServerClient client, Cost cost, bool counts, int from, CancellationToken cancellation)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime, serversBefore = topology.ProcessorTime;
        // Answers are read after the block: between two requests the client does the same in every block.
        (int Status, byte[] Answer)[] answers = new (int, byte[])[Block];
        for (int i = 0; i < Block; i++)
        {
            long start = Stopwatch.GetTimestamp();
            answers[i] = await client.IdentifyAsync(ClusterSettings.Gallery, load[from + i].Body, cancellation);
            if (counts)
                cost.Milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        if (!counts)
            return;
        cost.Client += Environment.CpuUsage.TotalTime - before;
        cost.Servers += topology.ProcessorTime - serversBefore;
        for (int i = 0; i < Block; i++)
            Judge(ServerClient.Read(answers[i].Status, answers[i].Answer), load[from + i], _best[i], cost);
    }

    private void Judge(IdentifyResponse answer, Probe probe, int expected, Cost cost)
    {
        if (answer.ShardsAnswered != ClusterSettings.Shards)
            throw new InvalidOperationException($"{answer.ShardsAnswered} of {ClusterSettings.Shards} shards answered.");
        cost.Timings.Add(answer.Timings);
        string? first = answer.Results[0].Candidates is [{ } best, ..] ? best.Identity : null;
        Truth.Asked++;
        Truth.Same += first == Templates.Identity(expected) ? 1 : 0;
        if (probe.Person is not { } person)
            return;
        Truth.Known++;
        Truth.Right += first == Templates.Identity(person) ? 1 : 0;
    }
}
