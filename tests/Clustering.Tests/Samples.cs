using FaceSearch.VectorIndex;

namespace FaceSearch.Clustering.Tests;

/// <summary>Unit vectors around random centres, with the group each was drawn from.</summary>
internal sealed record Samples(int Dimension, long[] Ids, float[] Vectors, long[] Truth)
{
    public ReadOnlySpan<float> Vector(int i) => Vectors.AsSpan(i * Dimension, Dimension);

    /// <summary><paramref name="scatter"/> is the length of the noise added to a unit centre.</summary>
    public static Samples Draw(int seed, int groups, int largest, double scatter, int dimension = 32)
    {
        var random = new Random(seed);
        List<float> vectors = [];
        List<long> truth = [];
        for (int g = 0; g < groups; g++)
        {
            double[] centre = Direction(random, dimension);
            for (int n = 1 + (random.Next(largest) * random.Next(2)); n > 0; n--)
            {
                double[] noise = Direction(random, dimension);
                double[] sum = [.. centre.Zip(noise, (c, e) => c + (scatter * e))];
                double norm = Math.Sqrt(sum.Sum(x => x * x));
                vectors.AddRange(sum.Select(x => (float)(x / norm)));
                truth.Add(g);
            }
        }

        long[] ids = [.. Enumerable.Range(0, truth.Count).Select(i => 1000L + i)];
        return new Samples(dimension, ids, [.. vectors], [.. truth]);
    }

    /// <summary>The same items in another order.</summary>
    public Samples Shuffle(int seed)
    {
        int[] order = [.. Enumerable.Range(0, Ids.Length)];
        new Random(seed).Shuffle(order);
        return new Samples(Dimension, [.. order.Select(i => Ids[i])], [.. order.SelectMany(i => Vector(i).ToArray())], [.. order.Select(i => Truth[i])]);
    }

    public FlatIndex ToFlatIndex()
    {
        var index = new FlatIndex(new IndexOptions { Dimension = Dimension });
        for (int i = 0; i < Ids.Length; i++) index.Add(Ids[i], Vector(i));
        return index;
    }

    public double Score(int i, int j)
    {
        double sum = 0;
        for (int d = 0; d < Dimension; d++) sum += (double)Vectors[(i * Dimension) + d] * Vectors[(j * Dimension) + d];
        return sum;
    }

    private static double[] Direction(Random random, int dimension)
    {
        double[] x = [.. Enumerable.Range(0, dimension).Select(_ => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))];
        double norm = Math.Sqrt(x.Sum(v => v * v));
        return [.. x.Select(v => v / norm)];
    }
}
