namespace FaceSearch.VectorIndex.Clustering;

/// <summary>Reads stored vectors so that they can be queries.</summary>
internal static class StoredVector
{
    /// <summary>Copies the vector of an id. What codes decode to (<see cref="VectorStorage.CodesOnly"/>) is brought to unit length.</summary>
    public static void Read(IVectorIndex index, long id, Span<float> destination)
    {
        if (!index.TryGetVector(id, destination)) throw new UnknownIdException(id);
        float norm = MathF.Sqrt(VectorRows.Dot(destination, destination));
        if (MathF.Abs(norm - 1) < 5e-4f || norm == 0) return;
        for (int i = 0; i < destination.Length; i++) destination[i] /= norm;
    }
}
