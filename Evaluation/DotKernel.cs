using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FaceSearch.Evaluation;

/// <summary>Dot products of one row with many, four at a time so that each load of the probe serves four products.
/// Evaluation's own plain loop: exact float32, whole matrices, no index.</summary>
internal static class DotKernel
{
    /// <summary>scores[r] = dot(probe, rows[r]); rows is row-major with the probe's dimension.</summary>
    public static void Scores(ReadOnlySpan<float> probe, ReadOnlySpan<float> rows, Span<float> scores)
    {
        var dimension = probe.Length;
        if (rows.Length != scores.Length * dimension)
            throw new ArgumentException($"Expected {scores.Length} x {dimension} values, got {rows.Length}.", nameof(rows));
        var r = 0;
        for (; r + 4 <= scores.Length; r += 4) Four(probe, rows.Slice(r * dimension, 4 * dimension), scores.Slice(r, 4));
        for (; r < scores.Length; r++) scores[r] = Dot(probe, rows.Slice(r * dimension, dimension));
    }

    /// <summary>Dot product of two vectors of one length.</summary>
    public static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        if (a.Length != b.Length) throw new ArgumentException($"Expected dimension {a.Length}, got {b.Length}.", nameof(b));
        var sum = Vector<float>.Zero;
        var i = 0;
        for (; i + Vector<float>.Count <= a.Length; i += Vector<float>.Count)
            sum += new Vector<float>(a[i..]) * new Vector<float>(b[i..]);
        var dot = Vector.Sum(sum);
        for (; i < a.Length; i++) dot += a[i] * b[i];
        return dot;
    }

    private static void Four(ReadOnlySpan<float> probe, ReadOnlySpan<float> rows, Span<float> scores)
    {
        var dimension = probe.Length;
        ref var p = ref MemoryMarshal.GetReference(probe);
        ref var a = ref MemoryMarshal.GetReference(rows);
        Vector<float> s0 = default, s1 = default, s2 = default, s3 = default;
        var i = 0;
        for (; i + Vector<float>.Count <= dimension; i += Vector<float>.Count)
        {
            var q = Load(ref p, i);
            s0 = Vector.FusedMultiplyAdd(q, Load(ref a, i), s0);
            s1 = Vector.FusedMultiplyAdd(q, Load(ref a, i + dimension), s1);
            s2 = Vector.FusedMultiplyAdd(q, Load(ref a, i + 2 * dimension), s2);
            s3 = Vector.FusedMultiplyAdd(q, Load(ref a, i + 3 * dimension), s3);
        }
        scores[0] = Vector.Sum(s0);
        scores[1] = Vector.Sum(s1);
        scores[2] = Vector.Sum(s2);
        scores[3] = Vector.Sum(s3);
        for (; i < dimension; i++)
            for (var r = 0; r < 4; r++) scores[r] += probe[i] * rows[r * dimension + i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Load(ref float start, int offset) =>
        Unsafe.ReadUnaligned<Vector<float>>(ref Unsafe.As<float, byte>(ref Unsafe.Add(ref start, offset)));
}
