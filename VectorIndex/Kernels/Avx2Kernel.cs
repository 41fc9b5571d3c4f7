using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FaceSearch.VectorIndex.Kernels;

/// <summary>AVX2 + FMA: the plan of <see cref="Avx512Kernel"/> with a chunk in two registers.</summary>
internal sealed unsafe class Avx2Kernel : ScoreKernel
{
    public override KernelKind Kind => KernelKind.Avx2;

    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Gather(sbyte* query, int bias, byte* codes, int stride, int* rows, int count, int* scores)
    {
        Vector128<int> offset = Vector128.Create(bias);
        int i = 0;
        for (; i + 4 <= count; i += 4)
        {
            Vector128<int> four = FourRows(query, codes + ((long)rows[i] * stride), codes + ((long)rows[i + 1] * stride),
                codes + ((long)rows[i + 2] * stride), codes + ((long)rows[i + 3] * stride), stride);
            (four + offset).Store(scores + i);
        }

        for (; i < count; i++) scores[i] = bias + Vector256.Sum(OneRow(query, codes + ((long)rows[i] * stride), stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Scan(sbyte* query, int bias, byte* codes, int stride, int count, int* scores) =>
        ScanBatch(query, &bias, 1, codes, stride, count, scores);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void ScanBatch(sbyte* queries, int* biases, int queryCount, byte* codes, int stride, int count, int* scores)
    {
        int i = 0;
        byte* row = codes;
        for (; i + 4 <= count; i += 4, row += 4L * stride)
        {
            for (int q = 0; q < queryCount; q++)
            {
                Vector128<int> four = FourRows(queries + ((long)q * stride), row, row + stride, row + (2L * stride), row + (3L * stride), stride);
                (four + Vector128.Create(biases[q])).Store(scores + ((long)q * count) + i);
            }
        }

        for (; i < count; i++, row += stride)
        {
            for (int q = 0; q < queryCount; q++)
                scores[((long)q * count) + i] = biases[q] + Vector256.Sum(OneRow(queries + ((long)q * stride), row, stride));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float Dot(float* a, float* b, int length)
    {
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i + 32 <= length; i += 32)
        {
            s0 = Fma.MultiplyAdd(Vector256.Load(a + i), Vector256.Load(b + i), s0);
            s1 = Fma.MultiplyAdd(Vector256.Load(a + i + 8), Vector256.Load(b + i + 8), s1);
            s2 = Fma.MultiplyAdd(Vector256.Load(a + i + 16), Vector256.Load(b + i + 16), s2);
            s3 = Fma.MultiplyAdd(Vector256.Load(a + i + 24), Vector256.Load(b + i + 24), s3);
        }

        for (; i < length; i += 8) s0 = Fma.MultiplyAdd(Vector256.Load(a + i), Vector256.Load(b + i), s0);
        return Vector256.Sum(s0 + s1 + (s2 + s3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> FourRows(sbyte* query, byte* ra, byte* rb, byte* rc, byte* rd, int length)
    {
        Vector256<int> a = default, b = default, c = default, d = default;
        for (int i = 0; i < length; i += 128)
        {
            // The last chunk may be alone; its partner is then itself, times zero.
            int second = i + 64 < length ? 64 : 0;
            for (int half = 0; half < 64; half += 32)
            {
                int at = i + half;
                Vector256<sbyte> q0 = Vector256.Load(query + at), q1 = second == 0 ? default : Vector256.Load(query + at + 64);
                a += Pair(ra + at, second, q0, q1);
                b += Pair(rb + at, second, q0, q1);
                c += Pair(rc + at, second, q0, q1);
                d += Pair(rd + at, second, q0, q1);
            }
        }

        Vector256<int> sum = Avx2.HorizontalAdd(Avx2.HorizontalAdd(a, b), Avx2.HorizontalAdd(c, d));
        return sum.GetLower() + sum.GetUpper();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Pair(byte* row, int second, Vector256<sbyte> q0, Vector256<sbyte> q1) =>
        Avx2.MultiplyAddAdjacent(
            Avx2.MultiplyAddAdjacent(Vector256.Load(row), q0) + Avx2.MultiplyAddAdjacent(Vector256.Load(row + second), q1),
            Vector256<short>.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> OneRow(sbyte* query, byte* row, int length)
    {
        Vector256<int> sum = default;
        for (int i = 0; i < length; i += 32)
            sum += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(Vector256.Load(row + i), Vector256.Load(query + i)), Vector256<short>.One);
        return sum;
    }
}
