using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace FaceSearch.VectorIndex.Kernels;

/// <summary>ARM64. 7-bit codes are valid signed bytes, so sdot takes both sides as they are; without it, smull and sadalp do.</summary>
internal sealed unsafe class AdvSimdKernel : ScoreKernel
{
    public override KernelKind Kind => KernelKind.AdvSimd;

    public static bool IsSupported => AdvSimd.Arm64.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Gather(sbyte* query, int bias, byte* codes, int stride, int* rows, int count, int* scores)
    {
        int i = 0;
        for (; i + 4 <= count; i += 4)
        {
            Vector128<int> four = FourRows(query, codes + ((long)rows[i] * stride), codes + ((long)rows[i + 1] * stride),
                codes + ((long)rows[i + 2] * stride), codes + ((long)rows[i + 3] * stride), stride);
            (four + Vector128.Create(bias)).Store(scores + i);
        }

        for (; i < count; i++)
        {
            byte* row = codes + ((long)rows[i] * stride);
            scores[i] = bias + FourRows(query, row, row, row, row, stride).ToScalar();
        }
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
                scores[((long)q * count) + i] = biases[q] + FourRows(queries + ((long)q * stride), row, row, row, row, stride).ToScalar();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float Dot(float* a, float* b, int length)
    {
        Vector128<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (int i = 0; i < length; i += 16)
        {
            s0 = AdvSimd.FusedMultiplyAdd(s0, Vector128.Load(a + i), Vector128.Load(b + i));
            s1 = AdvSimd.FusedMultiplyAdd(s1, Vector128.Load(a + i + 4), Vector128.Load(b + i + 4));
            s2 = AdvSimd.FusedMultiplyAdd(s2, Vector128.Load(a + i + 8), Vector128.Load(b + i + 8));
            s3 = AdvSimd.FusedMultiplyAdd(s3, Vector128.Load(a + i + 12), Vector128.Load(b + i + 12));
        }

        return Vector128.Sum(s0 + s1 + (s2 + s3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> FourRows(sbyte* query, byte* ra, byte* rb, byte* rc, byte* rd, int length)
    {
        Vector128<int> a = default, b = default, c = default, d = default;
        for (int i = 0; i < length; i += 16)
        {
            Vector128<sbyte> q = Vector128.Load(query + i);
            a = Accumulate(a, Vector128.Load((sbyte*)ra + i), q);
            b = Accumulate(b, Vector128.Load((sbyte*)rb + i), q);
            c = Accumulate(c, Vector128.Load((sbyte*)rc + i), q);
            d = Accumulate(d, Vector128.Load((sbyte*)rd + i), q);
        }

        return AdvSimd.Arm64.AddPairwise(AdvSimd.Arm64.AddPairwise(a, b), AdvSimd.Arm64.AddPairwise(c, d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Accumulate(Vector128<int> sum, Vector128<sbyte> codes, Vector128<sbyte> query)
    {
        if (Dp.IsSupported) return Dp.DotProduct(sum, codes, query);
        sum = AdvSimd.AddPairwiseWideningAndAdd(sum, AdvSimd.MultiplyWideningLower(codes.GetLower(), query.GetLower()));
        return AdvSimd.AddPairwiseWideningAndAdd(sum, AdvSimd.MultiplyWideningUpper(codes, query));
    }
}
