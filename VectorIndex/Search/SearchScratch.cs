using FaceSearch.VectorIndex.Memory;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Search;

/// <summary>
/// Everything one running operation writes to, pooled, so that operations allocate nothing: encoded queries, visited bitmap, pool,
/// score buffers. It is also the operation's epoch participant.
/// </summary>
internal sealed unsafe class SearchScratch(Epochs epochs, int dimension, int stride) : IDisposable
{
    /// <summary>Queries of one pass of a batch scan.</summary>
    public const int BatchQueries = 32;

    /// <summary>Rows scored at once by a scan.</summary>
    public const int BlockRows = 256;

    /// <summary>Upper bound of links of a node, and so of rows scored for one expansion.</summary>
    public const int MaxDegree = 128;

    /// <summary>Upper bound of candidates that neighbour selection scores at once: the largest efConstruction.</summary>
    public const int MaxRows = VectorIndexBase.MaxResults + 1;

    private readonly NativeRegion _fixed = Allocate(FixedBytes(dimension, stride));
    private NativeRegion _visited = Allocate(0);
    private NativeRegion _pool = Allocate(0);
    private NativeRegion _candidates = Allocate(0);

    /// <summary>State of the queries of a batch scan.</summary>
    public Flat.ScanQuery[] Scans { get; } = new Flat.ScanQuery[BatchQueries];

    public RerankQuery[] Reranks { get; } = new RerankQuery[BatchQueries];

    public Epochs.Participant Participant { get; } = epochs.Join();

    /// <summary>float32 queries, [BatchQueries, dimension].</summary>
    public float* Queries => (float*)_fixed.Base;

    /// <summary>Encoded queries, [BatchQueries, stride].</summary>
    public sbyte* Encoded => (sbyte*)(Queries + (BatchQueries * dimension));

    /// <summary>A stored row turned into a query, for neighbour selection.</summary>
    public sbyte* RowQuery => Encoded + (BatchQueries * stride);

    public int* Biases => (int*)(RowQuery + stride);
    public int* Nodes => Biases + BatchQueries;
    public int* Rows => Nodes + MaxDegree;

    /// <summary>Integer scores, [BatchQueries * BlockRows].</summary>
    public int* Scores => Rows + MaxRows;

    public ulong* Visited => (ulong*)_visited.Base;
    public ulong* Pool => (ulong*)_pool.Base;
    public ulong* Candidates => (ulong*)_candidates.Base;

    /// <summary>Clears the visited bitmap for nodes below <paramref name="nodes"/>.</summary>
    public void ClearVisited(int nodes)
    {
        long bytes = (nodes + 63L) / 64 * 8;
        Ensure(ref _visited, bytes);
        new Span<byte>(_visited.Base, (int)bytes).Clear();
    }

    public void EnsurePool(int entries) => Ensure(ref _pool, (long)entries * sizeof(ulong));

    public void EnsureCandidates(int entries) => Ensure(ref _candidates, (long)entries * sizeof(ulong));

    public void Dispose()
    {
        _fixed.Dispose();
        _visited.Dispose();
        _pool.Dispose();
        _candidates.Dispose();
    }

    private static long FixedBytes(int dimension, int stride) =>
        (BatchQueries * dimension * sizeof(float)) + ((BatchQueries + 1) * stride) +
        ((BatchQueries + MaxDegree + MaxRows + (BatchQueries * BlockRows)) * sizeof(int));

    private static void Ensure(ref NativeRegion region, long bytes)
    {
        if (region.Committed >= bytes) return;
        region.Dispose();
        region = Allocate(bytes + (bytes / 4));
    }

    private static NativeRegion Allocate(long bytes)
    {
        var region = new NativeRegion(bytes, hugePages: false);
        region.Commit(bytes);
        return region;
    }
}
