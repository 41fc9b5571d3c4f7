namespace FaceSearch.VectorIndex;

/// <summary>What a gallery shard uses: exact below a crossover; above it, graph UNION exact scan of a flat tail. Add is immediate (into the tail); a background thread moves the tail into the graph, and moves the whole index between the engines as it grows and shrinks.</summary>
public sealed class TieredIndex : IVectorIndex
{
    /// <summary>An empty index.</summary>
    public TieredIndex(TieredOptions options) => throw new NotImplementedException();

    /// <summary>Opens a snapshot written by any engine.</summary>
    /// <exception cref="IndexDamagedException">The snapshot is damaged.</exception>
    /// <exception cref="IndexVersionException">The snapshot is of a newer version.</exception>
    public static TieredIndex Load(string path, VectorStorage storage = VectorStorage.Memory, TieredOptions? options = null) => throw new NotImplementedException();

    /// <inheritdoc/>
    public int Dimension => throw new NotImplementedException();
    /// <inheritdoc/>
    public long Count => throw new NotImplementedException();
    /// <inheritdoc/>
    public void Add(long id, ReadOnlySpan<float> vector) => throw new NotImplementedException();
    /// <inheritdoc/>
    public void Update(long id, ReadOnlySpan<float> vector) => throw new NotImplementedException();
    /// <inheritdoc/>
    public bool Remove(long id) => throw new NotImplementedException();
    /// <inheritdoc/>
    public bool Contains(long id) => throw new NotImplementedException();
    /// <inheritdoc/>
    public bool TryGetVector(long id, Span<float> destination) => throw new NotImplementedException();
    /// <inheritdoc/>
    public SearchOutcome Search(ReadOnlySpan<float> query, Span<Neighbour> results, in SearchOptions options = default) => throw new NotImplementedException();
    /// <inheritdoc/>
    public void SearchBatch(ReadOnlySpan<float> queries, int k, Span<Neighbour> results, Span<SearchOutcome> outcomes, in SearchOptions options = default) => throw new NotImplementedException();
    /// <inheritdoc/>
    public SlotFilter CreateFilter(ReadOnlySpan<long> ids) => throw new NotImplementedException();
    /// <inheritdoc/>
    public long[] SnapshotIds() => throw new NotImplementedException();
    /// <inheritdoc/>
    public void Save(string path) => throw new NotImplementedException();
    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();

    /// <summary>Waits until the background thread has nothing left to do: the tail is in the graph, the engine fits the size.</summary>
    public void Settle() => throw new NotImplementedException();

    /// <summary>True while searches are answered by the graph (and the tail).</summary>
    public bool UsesGraph => throw new NotImplementedException();

    /// <summary>Vectors that the background thread has yet to link into the graph.</summary>
    public int TailLength => throw new NotImplementedException();
}
