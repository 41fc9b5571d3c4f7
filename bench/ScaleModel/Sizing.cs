namespace FaceSearch.ScaleModel;

/// <summary>What a host is and costs. Prices are parameters, not quotes.</summary>
/// <param name="Cores">Cores that search.</param>
/// <param name="MemoryGib">Memory.</param>
/// <param name="OtherGib">Memory that is not shards': runtime, embedder, system, page cache.</param>
/// <param name="FillShare">Share of the rest that shards may fill: a dead host's shards must go somewhere.</param>
/// <param name="TargetUtilisation">Share of the cores' time that searches may use.</param>
/// <param name="PricePerGib">A month.</param>
/// <param name="PricePerCore">A month.</param>
internal sealed record HostKind(int Cores, double MemoryGib, double OtherGib, double FillShare, double TargetUtilisation, double PricePerGib, double PricePerCore)
{
    public double MonthlyPrice => (Cores * PricePerCore) + (MemoryGib * PricePerGib);
}

/// <summary>Hosts for a gallery at a rate.</summary>
/// <param name="Shards">Each full, but the last.</param>
/// <param name="MemoryGib">All templates once.</param>
/// <param name="ForMemory">Hosts that hold them once.</param>
/// <param name="ForWork">Hosts whose cores do the searches.</param>
/// <param name="Groups">Hosts that together hold every shard once: the larger of both, spread over the replicas.</param>
/// <param name="Hosts">With replicas.</param>
/// <param name="MonthlyCost">Of all hosts.</param>
internal sealed record Sizing(int Shards, double MemoryGib, int ForMemory, int ForWork, int Groups, int Hosts, double MonthlyCost)
{
    /// <param name="templates">In the gallery.</param>
    /// <param name="perShard">Most of one shard.</param>
    /// <param name="bytesPerTemplate">In memory.</param>
    /// <param name="meanService">Of one shard's search, seconds, slow spells included.</param>
    /// <param name="rate">Queries a second.</param>
    /// <param name="replicas">Copies of each shard.</param>
    /// <param name="kind">The hosts.</param>
    public static Sizing Of(long templates, long perShard, double bytesPerTemplate, double meanService, double rate, int replicas, HostKind kind)
    {
        int shards = checked((int)((templates + perShard - 1) / perShard));
        double memory = templates * bytesPerTemplate / (1L << 30), usable = (kind.MemoryGib - kind.OtherGib) * kind.FillShare;
        int forMemory = Whole(memory / usable), forWork = Whole(rate * shards * meanService / (kind.Cores * kind.TargetUtilisation));
        // Replicas share the work, so that only the memory is multiplied. There are never more groups than shards: then replicas do.
        int groups = Math.Clamp(Math.Max(forMemory, Whole((double)forWork / replicas)), 1, shards);
        return new Sizing(shards, memory, forMemory, forWork, groups, groups * replicas, groups * replicas * kind.MonthlyPrice);
    }

    private static int Whole(double hosts) => Math.Max(1, (int)Math.Ceiling(hosts - 1e-9));
}
