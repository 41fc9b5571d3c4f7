using System.Runtime.Intrinsics;

namespace FaceSearch.VectorIndex.Clustering;

/// <summary>Growing table of float32 rows in blocks that never move.</summary>
internal sealed class VectorRows(int dimension)
{
    private const int BlockRows = 1024;
    private readonly List<float[]> _blocks = [];

    public int Count { get; private set; }

    public Span<float> this[int row] => _blocks[row / BlockRows].AsSpan(row % BlockRows * dimension, dimension);

    public void Add(ReadOnlySpan<float> vector)
    {
        if (Count == _blocks.Count * BlockRows) _blocks.Add(new float[BlockRows * dimension]);
        vector.CopyTo(this[Count++]);
    }

    /// <summary>Inner product of two rows of equal length, a multiple of 16. Symmetric to the last bit.</summary>
    public static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        Vector512<float> sum = default;
        for (int i = 0; i < a.Length; i += 16) sum += Vector512.Create(a.Slice(i, 16)) * Vector512.Create(b.Slice(i, 16));
        return Vector512.Sum(sum);
    }

    /// <summary>a += sign * b.</summary>
    public static void Accumulate(Span<float> a, ReadOnlySpan<float> b, float sign)
    {
        for (int i = 0; i < a.Length; i += 16)
            (Vector512.Create<float>(a.Slice(i, 16)) + (Vector512.Create(b.Slice(i, 16)) * sign)).CopyTo(a[i..]);
    }
}
