using System.Diagnostics.CodeAnalysis;
using System.Runtime.Intrinsics;

namespace FaceSearch.VectorIndex;

/// <summary>What every vector given to an index must be.</summary>
internal static class UnitVector
{
    private const float NormTolerance = 1e-3f;

    public static void Check(ReadOnlySpan<float> vector, int dimension)
    {
        if (vector.Length != dimension) Throw($"Vector has {vector.Length} components, expected {dimension}.");
        float norm = SquaredNorm(vector);
        if (!float.IsFinite(norm)) Throw("Vector has a component that is not finite.");
        if (Math.Abs(MathF.Sqrt(norm) - 1) > NormTolerance) Throw("Vector is not of unit length (to within 1e-3).");
    }

    private static float SquaredNorm(ReadOnlySpan<float> vector)
    {
        Vector512<float> sum = default;
        for (int i = 0; i < vector.Length; i += 16)
        {
            Vector512<float> x = Vector512.Create(vector.Slice(i, 16));
            sum += x * x;
        }

        return Vector512.Sum(sum);
    }

    [DoesNotReturn]
    private static void Throw(string message) => throw new InvalidVectorException(message);
}
