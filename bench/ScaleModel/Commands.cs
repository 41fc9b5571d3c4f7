using System.Globalization;

namespace FaceSearch.ScaleModel;

/// <summary>What nobody has measured; seconds and shares.</summary>
internal sealed record Assumptions(double Call, double Hop, double HopJitter, double SlowShare, double SlowFactor, double SlowSpell, double MergePerShard)
{
    public ClusterModel Apply(ClusterModel model) => model with
    {
        Service = model.Service.Plus(Call),
        Hop = Hop,
        HopJitter = HopJitter,
        SlowShare = SlowShare,
        SlowFactor = SlowFactor,
        SlowSpell = SlowSpell,
        MergePerShard = MergePerShard,
    };
}

internal static class Commands
{
    public static int Measure(int templates, int queries, int ef, int rounds, string output, ulong seed)
    {
        double[] seconds = Measurement.Run(templates, queries, ef, rounds, seed);
        LatencyFile.Write(output, [string.Create(CultureInfo.InvariantCulture,
            $"One search, one thread, {templates} face-like templates of 128 dimensions, {(ef == 0 ? "exact scan" : $"graph, ef = {ef}")}, k = 10; the least of {rounds} rounds; seed {seed}")], seconds);
        double[] sorted = [.. seconds.Order()];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"p50 {Quantiles.Of(sorted, 0.5) * 1e6:0.0} us, p99 {Quantiles.Of(sorted, 0.99) * 1e6:0.0} us: {output}"));
        return 0;
    }

    /// <summary>Quantiles side by side, and the largest distance of the two distribution functions (Kolmogorov and Smirnov).</summary>
    /// <param name="file">The measurement.</param>
    /// <param name="column">Its column.</param>
    /// <param name="model">The cluster.</param>
    /// <param name="threads">Search threads of a process, if the hosts are processes of one machine; else null.</param>
    /// <param name="count">Queries to simulate.</param>
    /// <param name="tolerance">Factor.</param>
    /// <param name="seed">Of the simulation.</param>
    public static int Compare(string file, string column, ClusterModel model, int? threads, int count, double tolerance, ulong seed)
    {
        double[] measured = [.. LatencyFile.Read(file, column).Order()];
        double[] modelled = [.. (threads is { } t ? SharedMachine.Run(model, t, count, seed) : Simulator.Run(model, count, seed).Latencies).Order()];
        double utilisation = threads is null ? model.Utilisation : SharedMachine.Utilisation(model);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{model.Shards} shards, {model.Hosts} hosts {(threads is null ? "each" : $"with {threads} search threads on one machine")} of {model.Cores} cores, {model.Rate:0.##} queries/s, utilisation {utilisation:P1}; service: {model.Service.Description}"));
        Console.WriteLine("| | measured, ms | modelled, ms | modelled / measured |\n|---|---|---|---|");
        bool close = true;
        foreach (double q in (double[])[0.5, 0.9, 0.95, 0.99, 0.999])
        {
            double real = Quantiles.Of(measured, q), model1 = Quantiles.Of(modelled, q), ratio = model1 / real;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| p{q * 100:0.#} | {real * 1e3:0.000} | {model1 * 1e3:0.000} | {ratio:0.00} |"));
            if (q is 0.5 or 0.99)
                close &= ratio <= tolerance && ratio >= 1 / tolerance;
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Largest distance of the distribution functions: {Distance(measured, modelled):0.000} ({measured.Length} measured, {modelled.Length} modelled)"));
        Console.WriteLine(close ? "p50 and p99 agree within the tolerance." : "p50 or p99 do NOT agree within the tolerance.");
        return close ? 0 : 1;
    }

    internal static double Distance(double[] sortedA, double[] sortedB)
    {
        int a = 0, b = 0;
        double most = 0;
        while (a < sortedA.Length && b < sortedB.Length)
        {
            double value = Math.Min(sortedA[a], sortedB[b]);
            while (a < sortedA.Length && sortedA[a] <= value)
                a++;
            while (b < sortedB.Length && sortedB[b] <= value)
                b++;
            most = Math.Max(most, Math.Abs(((double)a / sortedA.Length) - ((double)b / sortedB.Length)));
        }
        return most;
    }
}
