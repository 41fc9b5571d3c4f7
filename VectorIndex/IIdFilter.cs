namespace FaceSearch.VectorIndex;

/// <summary>
/// A predicate over external ids: only accepted ids can be results. It is called from search threads, concurrently, possibly
/// several times for an id, and must be quick and must not call back into the index.
/// For a fixed set of ids <see cref="IVectorIndex.CreateFilter"/> makes a bitmap over slots, which is far cheaper per test.
/// </summary>
public interface IIdFilter
{
    /// <summary>True if <paramref name="id"/> may be a result.</summary>
    bool Accepts(long id);
}
