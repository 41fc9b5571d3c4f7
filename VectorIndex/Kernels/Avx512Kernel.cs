using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FaceSearch.VectorIndex.Kernels;

/// <summary>
/// AVX-512 F + BW: one chunk is one register. vpmaddubsw multiplies unsigned codes by signed query bytes; two chunks are added in
/// 16 bits (see the bound in <see cref="ScoreKernel"/>) before vpmaddwd widens, and four rows share one horizontal reduction.
/// </summary>
internal sealed unsafe class Avx512Kernel : ScoreKernel
{
    public override KernelKind Kind => KernelKind.Avx512;

    public static bool IsSupported => Avx512BW.IsSupported;

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

        for (; i < count; i++) scores[i] = bias + Vector512.Sum(OneRow(query, codes + ((long)rows[i] * stride), stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Scan(sbyte* query, int bias, byte* codes, int stride, int count, int* scores)
    {
        Vector128<int> offset = Vector128.Create(bias);
        int i = 0;
        byte* row = codes;
        for (; i + 4 <= count; i += 4, row += 4L * stride)
        {
            Vector128<int> four = FourRows(query, row, row + stride, row + (2L * stride), row + (3L * stride), stride);
            (four + offset).Store(scores + i);
        }

        for (; i < count; i++, row += stride) scores[i] = bias + Vector512.Sum(OneRow(query, row, stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void ScanBatch(sbyte* queries, int* biases, int queryCount, byte* codes, int stride, int count, int* scores)
    {
        int i = 0;
        byte* row = codes;
        for (; i + 4 <= count; i += 4, row += 4L * stride)
        {
            if (stride == 2 * Chunk)
            {
                FourRowsOf128(queries, biases, queryCount, row, scores + i, count);
                continue;
            }

            for (int q = 0; q < queryCount; q++)
            {
                Vector128<int> four = FourRows(queries + ((long)q * stride), row, row + stride, row + (2L * stride), row + (3L * stride), stride);
                (four + Vector128.Create(biases[q])).Store(scores + ((long)q * count) + i);
            }
        }

        for (; i < count; i++, row += stride)
        {
            for (int q = 0; q < queryCount; q++)
                scores[((long)q * count) + i] = biases[q] + Vector512.Sum(OneRow(queries + ((long)q * stride), row, stride));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float Dot(float* a, float* b, int length)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i + 64 <= length; i += 64)
        {
            s0 = Avx512F.FusedMultiplyAdd(Vector512.Load(a + i), Vector512.Load(b + i), s0);
            s1 = Avx512F.FusedMultiplyAdd(Vector512.Load(a + i + 16), Vector512.Load(b + i + 16), s1);
            s2 = Avx512F.FusedMultiplyAdd(Vector512.Load(a + i + 32), Vector512.Load(b + i + 32), s2);
            s3 = Avx512F.FusedMultiplyAdd(Vector512.Load(a + i + 48), Vector512.Load(b + i + 48), s3);
        }

        for (; i < length; i += 16) s0 = Avx512F.FusedMultiplyAdd(Vector512.Load(a + i), Vector512.Load(b + i), s0);
        return Vector512.Sum(s0 + s1 + (s2 + s3));
    }

    /// <summary>The commonest case, 128 dimensions: eight registers hold four rows while all queries pass by.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourRowsOf128(sbyte* queries, int* biases, int queryCount, byte* row, int* scores, int scoreStride)
    {
        Vector512<byte> a0 = Vector512.Load(row), a1 = Vector512.Load(row + 64), b0 = Vector512.Load(row + 128), b1 = Vector512.Load(row + 192);
        Vector512<byte> c0 = Vector512.Load(row + 256), c1 = Vector512.Load(row + 320), d0 = Vector512.Load(row + 384), d1 = Vector512.Load(row + 448);
        Vector512<short> ones = Vector512<short>.One;
        for (int q = 0; q < queryCount; q++)
        {
            Vector512<sbyte> q0 = Vector512.Load(queries), q1 = Vector512.Load(queries + 64);
            queries += 128;
            Vector512<int> a = Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(a0, q0) + Avx512BW.MultiplyAddAdjacent(a1, q1), ones);
            Vector512<int> b = Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(b0, q0) + Avx512BW.MultiplyAddAdjacent(b1, q1), ones);
            Vector512<int> c = Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(c0, q0) + Avx512BW.MultiplyAddAdjacent(c1, q1), ones);
            Vector512<int> d = Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(d0, q0) + Avx512BW.MultiplyAddAdjacent(d1, q1), ones);
            (Reduce(a, b, c, d) + Vector128.Create(biases[q])).Store(scores);
            scores += scoreStride;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> FourRows(sbyte* query, byte* ra, byte* rb, byte* rc, byte* rd, int length)
    {
        Vector512<int> a = default, b = default, c = default, d = default;
        Vector512<short> ones = Vector512<short>.One;
        int i = 0;
        for (; i + 128 <= length; i += 128)
        {
            Vector512<sbyte> q0 = Vector512.Load(query + i), q1 = Vector512.Load(query + i + 64);
            a += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(ra + i), q0) + Avx512BW.MultiplyAddAdjacent(Vector512.Load(ra + i + 64), q1), ones);
            b += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(rb + i), q0) + Avx512BW.MultiplyAddAdjacent(Vector512.Load(rb + i + 64), q1), ones);
            c += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(rc + i), q0) + Avx512BW.MultiplyAddAdjacent(Vector512.Load(rc + i + 64), q1), ones);
            d += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(rd + i), q0) + Avx512BW.MultiplyAddAdjacent(Vector512.Load(rd + i + 64), q1), ones);
        }

        if (i < length)
        {
            Vector512<sbyte> q0 = Vector512.Load(query + i);
            a += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(ra + i), q0), ones);
            b += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(rb + i), q0), ones);
            c += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(rc + i), q0), ones);
            d += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(rd + i), q0), ones);
        }

        return Reduce(a, b, c, d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> OneRow(sbyte* query, byte* row, int length)
    {
        Vector512<int> sum = default;
        for (int i = 0; i < length; i += 64)
            sum += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(row + i), Vector512.Load(query + i)), Vector512<short>.One);
        return sum;
    }

    /// <summary>Sums of the lanes of a, b, c, d, in that order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Reduce(Vector512<int> a, Vector512<int> b, Vector512<int> c, Vector512<int> d)
    {
        Vector512<long> ab = (Avx512F.UnpackLow(a, b) + Avx512F.UnpackHigh(a, b)).AsInt64();
        Vector512<long> cd = (Avx512F.UnpackLow(c, d) + Avx512F.UnpackHigh(c, d)).AsInt64();
        Vector512<int> abcd = Avx512F.UnpackLow(ab, cd).AsInt32() + Avx512F.UnpackHigh(ab, cd).AsInt32();
        Vector256<int> half = abcd.GetLower() + abcd.GetUpper();
        return half.GetLower() + half.GetUpper();
    }
}
