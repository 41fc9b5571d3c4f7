using System.Runtime.Intrinsics;
using FaceSearch.VectorIndex.Kernels;

namespace FaceSearch.VectorIndex.Quantisation;

/// <summary>
/// 7-bit scalar quantisation with one step for the whole index: x ~ step * (c - 64), c in 0..127. Queries take eight signed bits
/// with a step of their own. Decoded and true score differ by at most
/// <c>|s - s'| &lt;= |q| R + r (1 + R)</c>, R the largest residual norm |x - x'| of any stored vector, r that of the query
/// (Cauchy-Schwarz). Both are measured, not assumed, so the bound also holds for clipped components.
/// </summary>
internal static unsafe class Quantiser
{
    public const int ZeroPoint = 64;
    public const int MaxCode = 127;

    /// <summary>Sum of |query byte| that four lanes added in 16 bits may reach; see <see cref="ScoreKernel"/>. Rounding may add two.</summary>
    private const float MaxQuad = 256;

    public static int StrideOf(int dimension) => (dimension + ScoreKernel.Chunk - 1) / ScoreKernel.Chunk * ScoreKernel.Chunk;

    /// <summary>Encodes one vector; returns its squared residual.</summary>
    public static float EncodeRow(float* x, int dimension, float step, byte* row)
    {
        Vector512<float> inverse = Vector512.Create(1 / step), residual = default;
        Vector512<float> least = Vector512.Create((float)-ZeroPoint), most = Vector512.Create((float)(MaxCode - ZeroPoint));
        Vector128<byte> zero = Vector128.Create((byte)ZeroPoint);
        for (int i = 0; i < dimension; i += 16)
        {
            Vector512<float> component = Vector512.Load(x + i);
            Vector512<float> level = Vector512.Min(Vector512.Max(Vector512.Round(component * inverse), least), most);
            Vector512<float> difference = component - (level * step);
            residual += difference * difference;
            Vector256<short> narrow = Vector256.Narrow(Vector512.ConvertToInt32(level).GetLower(), Vector512.ConvertToInt32(level).GetUpper());
            (Vector128.Narrow(narrow.GetLower(), narrow.GetUpper()).AsByte() + zero).Store(row + i);
        }

        for (int i = dimension; i < StrideOf(dimension); i++) row[i] = ZeroPoint;
        return Vector512.Sum(residual);
    }

    public static void DecodeRow(byte* row, int dimension, float step, Span<float> x)
    {
        for (int i = 0; i < dimension; i++) x[i] = (row[i] - ZeroPoint) * step;
    }

    /// <summary>Encodes a query with the finest step that keeps the kernels' 16-bit sums in range.</summary>
    public static EncodedQuery EncodeQuery(float* x, int dimension, sbyte* query)
    {
        int stride = StrideOf(dimension);
        float step = QueryStep(x, dimension), inverse = step > 0 ? 1 / step : 0, residual = 0;
        int sum = 0;
        for (int i = 0; i < dimension; i++)
        {
            int level = (int)MathF.Round(x[i] * inverse);
            query[i] = (sbyte)level;
            sum += level;
            float difference = x[i] - (level * step);
            residual += difference * difference;
        }

        for (int i = dimension; i < stride; i++) query[i] = 0;
        return new EncodedQuery(step, -ZeroPoint * sum, MathF.Sqrt(residual));
    }

    /// <summary>Turns a stored row into a query: c - 64 in every lane. Returns the bias.</summary>
    public static int RowAsQuery(byte* row, int stride, sbyte* query)
    {
        Vector512<short> sums = default;
        for (int i = 0; i < stride; i += ScoreKernel.Chunk)
        {
            Vector512<sbyte> levels = Vector512.Load(row + i).AsSByte() - Vector512.Create((sbyte)ZeroPoint);
            levels.Store(query + i);
            (Vector512<short> low, Vector512<short> high) = Vector512.Widen(levels);
            // At most 16 chunks of two levels of magnitude 64 a lane: far from overflow.
            sums += low + high;
        }

        (Vector512<int> left, Vector512<int> right) = Vector512.Widen(sums);
        return -ZeroPoint * Vector512.Sum(left + right);
    }

    private static float QueryStep(float* x, int dimension)
    {
        float largest = 0, quad = 0;
        for (int i = 0; i < dimension; i++) largest = Math.Max(largest, Math.Abs(x[i]));
        for (int pair = 0; pair + ScoreKernel.Chunk < dimension; pair += 2 * ScoreKernel.Chunk)
        {
            for (int i = pair; i < pair + ScoreKernel.Chunk; i += 2)
            {
                float near = Math.Abs(x[i]) + Math.Abs(x[i + 1]);
                int far = i + ScoreKernel.Chunk;
                if (far < dimension) near += Math.Abs(x[far]) + Math.Abs(x[far + 1]);
                quad = Math.Max(quad, near);
            }
        }

        return Math.Max(largest / sbyte.MaxValue, quad / MaxQuad);
    }
}

/// <summary>What a search needs to know of its encoded query.</summary>
/// <param name="Step">Value of one query level.</param>
/// <param name="Bias">-64 times the sum of the levels.</param>
/// <param name="Residual">L2 norm of query minus decoded query.</param>
internal readonly record struct EncodedQuery(float Step, int Bias, float Residual);
