namespace FaceSearch.VectorIndex.Kernels;

/// <summary>
/// The arithmetic of the index for one instruction set. All code kernels return the same integers, bit for bit.
/// <para>
/// A stored row is unsigned 7-bit codes c (0..127, zero point 64), a query signed bytes q, both padded to whole 64-byte chunks
/// (c = 64, q = 0). The score is sum((c - 64) q) = sum(c q) + bias, bias = -64 sum(q), which the caller computes once a query.
/// </para>
/// <para>
/// Kernels add neighbouring products, and the same lanes of two neighbouring chunks, in 16 bits. So a query must keep
/// |q[i]| + |q[i+1]| + |q[i+64]| + |q[i+65]| &lt;= 258 in every pair of chunks (127 * 258 &lt; 2^15); codes minus 64, used as a
/// query, keep it by construction.
/// </para>
/// </summary>
internal abstract unsafe class ScoreKernel
{
    /// <summary>Codes per chunk: rows and queries are padded to whole chunks.</summary>
    public const int Chunk = 64;

    public abstract KernelKind Kind { get; }

    /// <summary>scores[i] = sum(codes[rows[i]] * query) + bias for rows anywhere in a table of <paramref name="stride"/> bytes a row.</summary>
    public abstract void Gather(sbyte* query, int bias, byte* codes, int stride, int* rows, int count, int* scores);

    /// <summary>The same for <paramref name="count"/> rows that lie one behind the other.</summary>
    public abstract void Scan(sbyte* query, int bias, byte* codes, int stride, int count, int* scores);

    /// <summary>Many queries (<paramref name="stride"/> apart) against many rows: scores[q * count + i]. Rows stay in registers across queries.</summary>
    public abstract void ScanBatch(sbyte* queries, int* biases, int queryCount, byte* codes, int stride, int count, int* scores);

    /// <summary>Inner product of two float32 vectors; <paramref name="length"/> is a multiple of 16.</summary>
    public abstract float Dot(float* a, float* b, int length);
}
