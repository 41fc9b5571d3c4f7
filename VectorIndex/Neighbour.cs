namespace FaceSearch.VectorIndex;

/// <summary>One hit of a search. <paramref name="Score"/> is the inner product of two unit vectors, in [-1, 1]: higher is closer.</summary>
/// <param name="Id">External 64-bit id, as given to <see cref="IVectorIndex.Add"/>.</param>
/// <param name="Score">Inner product with the query (exact in float32, except with <see cref="VectorStorage.CodesOnly"/>).</param>
public readonly record struct Neighbour(long Id, float Score);
