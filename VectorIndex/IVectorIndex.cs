namespace FaceSearch.VectorIndex;

/// <summary>
/// An index of unit vectors under 64-bit ids, searched by inner product; higher is closer.
/// Every member may be called from any thread at any time, concurrently with every other, except <see cref="IDisposable.Dispose"/>,
/// which must be the last call. A search sees every vector whose <see cref="Add"/> returned before the search began
/// (graph searches: to within their recall) and none whose <see cref="Remove"/> returned before it.
/// </summary>
public interface IVectorIndex : IDisposable
{
    /// <summary>Length of every vector: a multiple of 16, from 16 to 1,024.</summary>
    int Dimension { get; }

    /// <summary>How many ids the index holds.</summary>
    long Count { get; }

    /// <summary>Inserts a unit vector.</summary>
    /// <exception cref="DuplicateIdException">The id is already there.</exception>
    /// <exception cref="InvalidVectorException">Wrong length, a component is not finite, or the L2 norm is not 1 to within 1e-3.</exception>
    /// <exception cref="IndexFullException">The index holds <see cref="IndexOptions.MaxVectors"/>.</exception>
    void Add(long id, ReadOnlySpan<float> vector);

    /// <summary>Replaces the vector of an id. A concurrent search finds the old one or the new one, never neither.</summary>
    /// <exception cref="UnknownIdException">The id is not there.</exception>
    /// <exception cref="InvalidVectorException">As for <see cref="Add"/>.</exception>
    void Update(long id, ReadOnlySpan<float> vector);

    /// <summary>
    /// Removes an id; false if it was not there. When this returns, the vector's floats and codes are zeroed in memory, so no
    /// snapshot begun later can hold them.
    /// </summary>
    bool Remove(long id);

    /// <summary>True if the id is there.</summary>
    bool Contains(long id);

    /// <summary>Copies the vector of an id (with <see cref="VectorStorage.CodesOnly"/>: what the codes decode to). False if it is not there.</summary>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is shorter than <see cref="Dimension"/>.</exception>
    bool TryGetVector(long id, Span<float> destination);

    /// <summary>
    /// Writes the nearest neighbours of <paramref name="query"/> to <paramref name="results"/>, best first, ties broken by the
    /// lower id; k is the length of <paramref name="results"/>, 1 to 4,096. Allocates nothing in steady state.
    /// </summary>
    /// <exception cref="InvalidVectorException">The query is not a finite unit vector of <see cref="Dimension"/>.</exception>
    SearchOutcome Search(ReadOnlySpan<float> query, Span<Neighbour> results, in SearchOptions options = default);

    /// <summary>
    /// Searches <c>outcomes.Length</c> queries at once. <paramref name="queries"/> is [n, Dimension] row-major,
    /// <paramref name="results"/> is [n, k] row-major. An exact scan passes over memory once for every 32 queries.
    /// </summary>
    void SearchBatch(ReadOnlySpan<float> queries, int k, Span<Neighbour> results, Span<SearchOutcome> outcomes, in SearchOptions options = default);

    /// <summary>
    /// A filter that accepts exactly <paramref name="ids"/>, as a bitmap over the slots they hold now. An id added or updated
    /// later is not accepted until the filter is made again; an id removed later is simply not found. Use it with this index only.
    /// </summary>
    SlotFilter CreateFilter(ReadOnlySpan<long> ids);

    /// <summary>All ids held at one moment, in no particular order.</summary>
    long[] SnapshotIds();

    /// <summary>
    /// Writes a snapshot (docs/index-format.md) and flushes it to the disk, while searches, inserts and removals go on. It holds
    /// everything that was in the index when the call began, less what was removed before it ended. The caller names a temporary
    /// file and renames it.
    /// </summary>
    void Save(string path);
}
