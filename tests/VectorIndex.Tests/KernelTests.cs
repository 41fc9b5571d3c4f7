using FaceSearch.VectorIndex.Kernels;
using FaceSearch.VectorIndex.Quantisation;

namespace FaceSearch.VectorIndex.Tests;

public sealed unsafe class KernelTests
{
    private static readonly int[] s_dimensions = [16, 48, 64, 80, 112, 128, 192, 256, 320, 512, 1024];

    public static TheoryData<KernelKind> Kinds() => [.. Enum.GetValues<KernelKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_code_kernel_returns_the_integers_of_the_definition(KernelKind kind)
    {
        ScoreKernel kernel = CreateOrSkip(kind);
        foreach (int dimension in s_dimensions) CheckIntegers(kernel, dimension);
    }

    private static void CheckIntegers(ScoreKernel kernel, int dimension)
    {
        var random = new Random(dimension);
        const int Rows = 37, Queries = 5;
        int stride = Quantiser.StrideOf(dimension);
        var codes = new byte[Rows * stride];
        var queries = new sbyte[Queries * stride];
        var biases = new int[Queries];
        Array.Fill(codes, (byte)Quantiser.ZeroPoint);
        for (int r = 0; r < Rows; r++)
        {
            // Extremes as well as random codes.
            for (int i = 0; i < dimension; i++) codes[(r * stride) + i] = (byte)(r switch { 0 => 127, 1 => 0, _ => random.Next(128) });
        }

        fixed (byte* code = codes)
        fixed (sbyte* query = queries)
        fixed (int* bias = biases)
        {
            for (int q = 0; q < Queries; q++)
            {
                float[] vector = q == 0 ? Peak(dimension) : TestData.Unit(random, dimension);
                fixed (float* x = vector) biases[q] = Quantiser.EncodeQuery(x, dimension, query + (q * stride)).Bias;
            }

            var rows = Enumerable.Range(0, Rows).Select(_ => random.Next(Rows)).ToArray();
            var gathered = new int[Rows];
            var scanned = new int[Rows];
            var batch = new int[Rows * Queries];
            fixed (int* row = rows, g = gathered, s = scanned, b = batch)
            {
                kernel.ScanBatch(query, bias, Queries, code, stride, Rows, b);
                for (int q = 0; q < Queries; q++)
                {
                    kernel.Gather(query + (q * stride), biases[q], code, stride, row, Rows, g);
                    kernel.Scan(query + (q * stride), biases[q], code, stride, Rows, s);
                    for (int r = 0; r < Rows; r++)
                    {
                        int expected = Definition(codes, r * stride, queries, q * stride, stride);
                        scanned[r].ShouldBe(expected);
                        batch[(q * Rows) + r].ShouldBe(expected);
                        gathered[r].ShouldBe(Definition(codes, rows[r] * stride, queries, q * stride, stride));
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_stored_row_as_a_query_never_overflows_sixteen_bits(KernelKind kind)
    {
        ScoreKernel kernel = CreateOrSkip(kind);
        foreach (int dimension in s_dimensions) CheckWorstSum(kernel, dimension);
    }

    private static void CheckWorstSum(ScoreKernel kernel, int dimension)
    {
        int stride = Quantiser.StrideOf(dimension);
        // -64 in every lane against the largest code: the worst sum there is.
        var codes = new byte[2 * stride];
        Array.Fill(codes, (byte)Quantiser.ZeroPoint);
        Array.Fill(codes, (byte)127, stride, dimension);
        Array.Fill(codes, (byte)0, 0, dimension);
        var query = new sbyte[stride];
        fixed (byte* code = codes)
        fixed (sbyte* q = query)
        {
            int bias = Quantiser.RowAsQuery(code, stride, q);
            int row = 1, score;
            kernel.Gather(q, bias, code, stride, &row, 1, &score);
            score.ShouldBe(dimension * 63 * -64);
            int* rows = stackalloc int[4] { 1, 1, 1, 1 };
            int* scores = stackalloc int[4];
            kernel.Gather(q, bias, code, stride, rows, 4, scores);
            scores[3].ShouldBe(dimension * 63 * -64);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Float_products_agree_with_double_precision(KernelKind kind)
    {
        ScoreKernel kernel = CreateOrSkip(kind);
        foreach (int dimension in s_dimensions) CheckFloats(kernel, dimension);
    }

    private static void CheckFloats(ScoreKernel kernel, int dimension)
    {
        var random = new Random(7);
        float[] a = TestData.Unit(random, dimension), b = TestData.Unit(random, dimension);
        fixed (float* x = a, y = b) kernel.Dot(x, y, dimension).ShouldBe(TestData.Dot(a, b), 1e-6f);
    }

    [Fact]
    public void A_kernel_the_processor_lacks_is_refused_by_name()
    {
        KernelKind[] missing = [.. Enum.GetValues<KernelKind>().Where(k => !KernelSelector.IsSupported(k))];
        Assert.SkipWhen(missing.Length == 0, "This processor runs every kernel.");
        Should.Throw<PlatformNotSupportedException>(() => KernelSelector.Create(missing[0])).Message.ShouldContain(missing[0].ToString());
    }

    private static ScoreKernel CreateOrSkip(KernelKind kind)
    {
        if (!KernelSelector.IsSupported(kind)) Assert.Skip($"This processor cannot run {kind}.");
        return KernelSelector.Create(kind);
    }

    /// <summary>All the energy in the lanes that kernels add together.</summary>
    private static float[] Peak(int dimension)
    {
        var x = new float[dimension];
        foreach (int i in new[] { 0, 1, 64, 65 })
        {
            if (i < dimension) x[i] = 1;
        }

        return TestData.Normalise(x);
    }

    private static int Definition(byte[] codes, int row, sbyte[] queries, int query, int stride)
    {
        int sum = 0;
        for (int i = 0; i < stride; i++) sum += (codes[row + i] - Quantiser.ZeroPoint) * queries[query + i];
        return sum;
    }
}
