namespace FaceSearch.VectorIndex;

/// <summary>Exact search: a blocked scan of the quantised codes, then float32 rerank of all that the error bound cannot rule out.</summary>
public sealed class FlatIndex : IVectorIndex
{
    /// <summary>An empty index.</summary>
    public FlatIndex(IndexOptions options) => throw new NotImplementedException();

    /// <summary>Opens a snapshot written by any engine.</summary>
    /// <exception cref="IndexDamagedException">The snapshot is damaged.</exception>
    /// <exception cref="IndexVersionException">The snapshot is of a newer version.</exception>
    public static FlatIndex Load(string path, VectorStorage storage = VectorStorage.Memory, IndexOptions? options = null) => throw new NotImplementedException();

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
}
