using FaceSearch.TrainingJob.Triplets;

namespace FaceSearch.TrainingJob.Tests.Triplets;

/// <summary>Batches of random embeddings, and the triplet loop over them that the miners are compared with.</summary>
internal sealed class NaiveTriplets
{
    public const int Dimension = 6;

    /// <summary>n x d, of unit length; some repeated, so that distances tie.</summary>
    public required float[] Embeddings { get; init; }

    public required int[] Identities { get; init; }

    public int Count => Identities.Length;

    /// <summary>A batch of 2 to 24 embeddings of 1 to 6 identities, some clustered around their identity.</summary>
    public static NaiveTriplets Random(int seed)
    {
        var random = new Random(seed);
        int count = random.Next(2, 25), people = random.Next(1, 7);
        double spread = random.NextDouble() * 1.5;
        float[][] centres = [.. Enumerable.Range(0, people).Select(_ => Gaussian(random))];
        int[] identities = [.. Enumerable.Range(0, count).Select(_ => random.Next(people))];
        float[] embeddings = new float[count * Dimension];
        for (int i = 0; i < count; i++)
        {
            float[] noise = Gaussian(random);
            float[] vector = [.. centres[identities[i]].Select((c, k) => (float)(c + spread * noise[k]))];
            float norm = MathF.Sqrt(vector.Sum(v => v * v));
            for (int k = 0; k < Dimension; k++)
                embeddings[i * Dimension + k] = vector[k] / norm;
            if (i > 0 && random.Next(8) == 0)
                Array.Copy(embeddings, (i - 1) * Dimension, embeddings, i * Dimension, Dimension);
        }
        return new NaiveTriplets { Embeddings = embeddings, Identities = identities };
    }

    public float Distance(int a, int b)
    {
        float sum = 0;
        for (int k = 0; k < Dimension; k++)
        {
            float difference = Embeddings[a * Dimension + k] - Embeddings[b * Dimension + k];
            sum += difference * difference;
        }
        return sum;
    }

    public SquaredDistances Distances() =>
        new([.. from a in Enumerable.Range(0, Count) from b in Enumerable.Range(0, Count) select Distance(a, b)], Count);

    /// <summary>Every anchor, positive and negative.</summary>
    public IEnumerable<Triplet> All()
    {
        for (int a = 0; a < Count; a++)
        {
            for (int p = 0; p < Count; p++)
            {
                for (int n = 0; n < Count; n++)
                {
                    if (p != a && Identities[p] == Identities[a] && Identities[n] != Identities[a])
                        yield return new Triplet(a, p, n);
                }
            }
        }
    }

    public bool IsActive(Triplet t, float margin) => Distance(t.Anchor, t.Negative) < Distance(t.Anchor, t.Positive) + margin;

    public bool IsSemiHard(Triplet t, float margin) => IsActive(t, margin) && Distance(t.Anchor, t.Negative) > Distance(t.Anchor, t.Positive);

    private static float[] Gaussian(Random random) =>
        [.. Enumerable.Range(0, Dimension).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
}
