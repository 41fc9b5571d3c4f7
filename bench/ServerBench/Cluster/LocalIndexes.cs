using System.Diagnostics;
using FaceSearch.VectorIndex;

namespace FaceSearch.ServerBench.Cluster;

/// <summary>
/// What the cluster is compared with: the same templates in as many indexes of the same kind and settings, in this process, searched and merged.
/// No request, no grain, no other process.
/// </summary>
internal sealed class LocalIndexes : IDisposable
{
    /// <summary>As <c>ShardOptions.EfSearch</c>, and what a shard asks its index for when five identities are wanted.</summary>
    private const int EfSearch = 512, Wanted = 5, Neighbours = (2 * Wanted) + 6;

    private readonly TieredIndex[] _shards;
    private readonly Neighbour[][] _found;
    private readonly Neighbour[] _merged;
    private readonly ParallelOptions _allCores = new() { MaxDegreeOfParallelism = Environment.ProcessorCount };

    public LocalIndexes(Workload load, int shards)
    {
        _shards = [.. Enumerable.Range(0, shards).Select(_ => new TieredIndex(new TieredOptions { Dimension = Embedding.Dimension, EfSearch = EfSearch }))];
        _found = [.. Enumerable.Range(0, shards).Select(_ => new Neighbour[Neighbours])];
        _merged = new Neighbour[shards * Wanted];
        for (int i = 0; i < load.Identities; i++)
            _shards[i % shards].Add(i, load.Templates[i]);
        foreach (TieredIndex shard in _shards)
            shard.Settle();
    }

    /// <summary>How its searches are answered, as a shard's status says it.</summary>
    public string Engine => _shards.All(s => s.UsesGraph) ? "graph" : _shards.Any(s => s.UsesGraph) ? "mixed" : "exact";

    /// <summary>Searches one index after the other. Returns the best template's number.</summary>
    /// <param name="probe">Unit vector.</param>
    /// <param name="each">Gets the milliseconds of each search.</param>
    public int InTurn(float[] probe, Span<double> each)
    {
        for (int i = 0; i < _shards.Length; i++)
        {
            long start = Stopwatch.GetTimestamp();
            _shards[i].Search(probe, _found[i]);
            each[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
        return Best();
    }

    /// <summary>Searches them on all cores, as the search threads of a silo do.</summary>
    public int AtOnce(float[] probe)
    {
        Parallel.For(0, _shards.Length, _allCores, i => _shards[i].Search(probe, _found[i]));
        return Best();
    }

    public void Dispose()
    {
        foreach (TieredIndex shard in _shards)
            shard.Dispose();
    }

    private int Best()
    {
        for (int i = 0; i < _found.Length; i++)
            _found[i].AsSpan(0, Wanted).CopyTo(_merged.AsSpan(i * Wanted));
        Array.Sort(_merged, static (a, b) => b.Score.CompareTo(a.Score));
        return (int)_merged[0].Id;
    }
}
