namespace FaceSearch.VectorIndex;

/// <summary>Base of the index's own errors. Messages name ids and sizes, never components of a vector.</summary>
public abstract class VectorIndexException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The id to add is already in the index.</summary>
public sealed class DuplicateIdException(long id) : VectorIndexException($"Id {id} is already in the index.")
{
    /// <summary>The id.</summary>
    public long Id { get; } = id;
}

/// <summary>The id to update is not in the index.</summary>
public sealed class UnknownIdException(long id) : VectorIndexException($"Id {id} is not in the index.")
{
    /// <summary>The id.</summary>
    public long Id { get; } = id;
}

/// <summary>A vector has the wrong length, a component that is not finite, or a norm that is not 1.</summary>
public sealed class InvalidVectorException(string message) : VectorIndexException(message);

/// <summary>The index holds as many vectors as <see cref="IndexOptions.MaxVectors"/> allows.</summary>
public sealed class IndexFullException(long maximum) : VectorIndexException($"The index is full: it was made for {maximum} vectors at most.");

/// <summary>A snapshot is damaged: truncated, altered, or not a snapshot at all.</summary>
public sealed class IndexDamagedException(string block, string reason)
    : VectorIndexException($"Snapshot damaged in block '{block}': {reason}")
{
    /// <summary>The damaged block, by its name in docs/index-format.md: header, ids, codes, vectors, links, layer 1 ..., checksums, footer.</summary>
    public string Block { get; } = block;
}

/// <summary>A snapshot was written by a newer FaceSearch; it may be perfectly sound.</summary>
public sealed class IndexVersionException(uint version, uint newestKnown)
    : VectorIndexException($"Snapshot has format version {version}; this build reads versions 1 to {newestKnown}.")
{
    /// <summary>Version of the file.</summary>
    public uint Version { get; } = version;
}
