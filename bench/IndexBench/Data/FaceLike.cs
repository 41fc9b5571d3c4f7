namespace FaceSearch.IndexBench.Data;

/// <summary>
/// Vectors that look like templates of faces. Identity k has a centroid drawn from a 128-d Gaussian with spectrum exp(-i/30), turned
/// by a fixed random rotation and normalised; a sample is normalise(centroid + s n), n Gaussian with spectrum exp(-i/60) (trace 1),
/// s^2 uniform in [0.2, 1]; 3 to 5 samples an identity, shuffled. Mated queries are fresh samples of enrolled identities (80 %),
/// unmated ones of strangers. Extra rows are samples of further identities: what is inserted later.
/// </summary>
internal sealed class FaceLike
{
    public const int Dimension = 128;
    private const int IdentitySeedStride = 1_000_003;

    private readonly double[] _centreScale = Spectrum(30, normalise: false);
    private readonly double[] _noiseScale = Spectrum(60, normalise: true);
    private readonly double[,] _rotation = Rotation(new Gaussian(20_260_101));

    public static void Write(DataSet files, int rows, int queries, int extra)
    {
        var recipe = new FaceLike();
        int identities = 0;
        List<(int Identity, int Sample)> samples = [];
        for (var sizes = new Random(7); samples.Count < rows; identities++)
        {
            for (int n = sizes.Next(3, 6); n > 0 && samples.Count < rows; n--) samples.Add((identities, n));
        }

        (int Identity, int Sample)[] order = [.. samples];
        new Random(11).Shuffle(order);
        recipe.WriteRows(files.BasePath, order);

        var picks = new Random(13);
        bool[] mated = new bool[queries];
        var probes = new (int, int)[queries];
        for (int q = 0; q < queries; q++)
        {
            mated[q] = q % 5 != 4;
            probes[q] = mated[q] ? (picks.Next(identities), 100 + q) : (identities + q, 1);
        }

        recipe.WriteRows(files.QueryPath, probes);
        files.WriteMated(mated);
        recipe.WriteRows(files.ExtraPath, [.. Enumerable.Range(0, extra).Select(i => (identities + queries + (i / 4), i % 4))]);
    }

    private void WriteRows(string path, (int Identity, int Sample)[] rows)
    {
        const int Block = 8192;
        using FileStream file = File.Create(path);
        float[] block = new float[Block * Dimension];
        for (int first = 0; first < rows.Length; first += Block)
        {
            int count = Math.Min(Block, rows.Length - first);
            Parallel.For(0, count, i => Draw(rows[first + i].Identity, rows[first + i].Sample, block.AsSpan(i * Dimension, Dimension)));
            file.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(block.AsSpan(0, count * Dimension)));
        }
    }

    private void Draw(int identity, int sample, Span<float> vector)
    {
        Span<double> centre = stackalloc double[Dimension], turned = stackalloc double[Dimension];
        var random = new Gaussian(identity * 2 + 1);
        for (int i = 0; i < Dimension; i++) centre[i] = _centreScale[i] * random.Next();
        for (int i = 0; i < Dimension; i++)
        {
            for (int j = 0; j < Dimension; j++) turned[i] += _rotation[i, j] * centre[j];
        }

        Normalise(turned);
        random = new Gaussian(((long)identity * IdentitySeedStride) + sample);
        double s = Math.Sqrt(0.2 + (0.8 * random.Uniform()));
        for (int i = 0; i < Dimension; i++) turned[i] += s * _noiseScale[i] * random.Next();
        Normalise(turned);
        for (int i = 0; i < Dimension; i++) vector[i] = (float)turned[i];
    }

    internal static void Normalise(Span<double> x)
    {
        double norm = 0;
        foreach (double v in x) norm += v * v;
        norm = Math.Sqrt(norm);
        for (int i = 0; i < x.Length; i++) x[i] /= norm;
    }

    /// <summary>Standard deviations of the components: square roots of exp(-i / decay), summing (squared) to 1 if normalised.</summary>
    private static double[] Spectrum(double decay, bool normalise)
    {
        double[] variance = [.. Enumerable.Range(0, Dimension).Select(i => Math.Exp(-i / decay))];
        double trace = normalise ? variance.Sum() : 1;
        return [.. variance.Select(v => Math.Sqrt(v / trace))];
    }

    /// <summary>A random orthogonal matrix: Gram-Schmidt of a Gaussian one.</summary>
    private static double[,] Rotation(Gaussian random)
    {
        double[,] q = new double[Dimension, Dimension];
        double[] row = new double[Dimension];
        for (int i = 0; i < Dimension; i++)
        {
            for (int d = 0; d < Dimension; d++) row[d] = random.Next();
            for (int j = 0; j < i; j++)
            {
                double dot = 0;
                for (int d = 0; d < Dimension; d++) dot += row[d] * q[j, d];
                for (int d = 0; d < Dimension; d++) row[d] -= dot * q[j, d];
            }

            Normalise(row);
            for (int d = 0; d < Dimension; d++) q[i, d] = row[d];
        }

        return q;
    }
}
