namespace FaceSearch.VectorIndex.Tests;

/// <summary>Seeded vectors: face-like (identities with several samples) and uniform on the sphere.</summary>
internal static class TestData
{
    public static float[] Unit(Random random, int dimension)
    {
        var x = new float[dimension];
        for (int i = 0; i < dimension; i++) x[i] = Gaussian(random);
        return Normalise(x);
    }

    /// <summary>Samples of identities whose energy lies mostly in the first dimensions, as embeddings' does; about four an identity.</summary>
    public static float[][] FaceLike(int count, int dimension, int seed)
    {
        var random = new Random(seed);
        var rows = new float[count][];
        float[] centre = [];
        for (int i = 0; i < count; i++)
        {
            if (i % 4 == 0) centre = Spectral(random, dimension, dimension / 4.0);
            rows[i] = Near(random, centre, 0.4f + (0.5f * random.NextSingle()));
        }

        random.Shuffle(rows);
        return rows;
    }

    public static float[] Near(Random random, float[] centre, float spread)
    {
        float[] noise = Spectral(random, centre.Length, centre.Length / 2.0);
        var x = new float[centre.Length];
        for (int i = 0; i < x.Length; i++) x[i] = centre[i] + (spread * noise[i]);
        return Normalise(x);
    }

    public static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++) sum += (double)a[i] * b[i];
        return (float)sum;
    }

    public static float[] Normalise(float[] x)
    {
        double sum = 0;
        foreach (float y in x) sum += (double)y * y;
        float scale = (float)(1 / Math.Sqrt(sum));
        for (int i = 0; i < x.Length; i++) x[i] *= scale;
        return x;
    }

    private static float[] Spectral(Random random, int dimension, double decay)
    {
        var x = new float[dimension];
        for (int i = 0; i < dimension; i++) x[i] = Gaussian(random) * (float)Math.Exp(-i / (2 * decay));
        return Normalise(x);
    }

    private static float Gaussian(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}
