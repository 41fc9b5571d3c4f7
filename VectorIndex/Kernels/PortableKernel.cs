namespace FaceSearch.VectorIndex.Kernels;

/// <summary>Plain C#, for processors with none of the instruction sets below, and the yardstick of their tests.</summary>
internal sealed unsafe class PortableKernel : ScoreKernel
{
    public override KernelKind Kind => KernelKind.Portable;

    public override void Gather(sbyte* query, int bias, byte* codes, int stride, int* rows, int count, int* scores)
    {
        for (int i = 0; i < count; i++) scores[i] = bias + Row(query, codes + ((long)rows[i] * stride), stride);
    }

    public override void Scan(sbyte* query, int bias, byte* codes, int stride, int count, int* scores)
    {
        for (int i = 0; i < count; i++) scores[i] = bias + Row(query, codes + ((long)i * stride), stride);
    }

    public override void ScanBatch(sbyte* queries, int* biases, int queryCount, byte* codes, int stride, int count, int* scores)
    {
        for (int i = 0; i < count; i++)
        {
            for (int q = 0; q < queryCount; q++)
                scores[(q * count) + i] = biases[q] + Row(queries + ((long)q * stride), codes + ((long)i * stride), stride);
        }
    }

    public override float Dot(float* a, float* b, int length)
    {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (int i = 0; i < length; i += 4)
        {
            s0 += a[i] * b[i];
            s1 += a[i + 1] * b[i + 1];
            s2 += a[i + 2] * b[i + 2];
            s3 += a[i + 3] * b[i + 3];
        }

        return s0 + s1 + (s2 + s3);
    }

    private static int Row(sbyte* query, byte* row, int stride)
    {
        int a = 0, b = 0;
        for (int i = 0; i < stride; i += 2)
        {
            a += query[i] * row[i];
            b += query[i + 1] * row[i + 1];
        }

        return a + b;
    }
}
