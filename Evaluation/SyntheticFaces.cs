namespace FaceSearch.Evaluation;

/// <summary>Labelled templates: row i of <paramref name="Templates"/> is a sample of identity <paramref name="Identities"/>[i], 0-based.</summary>
public sealed record LabelledTemplates(EmbeddingMatrix Templates, int[] Identities);

/// <summary>
/// Seeded face-like templates for tests and benchmarks. Identity k has a centroid: a Gaussian vector with standard deviations
/// exp(-i / 30) along the axes i of a random orthogonal frame, normalised. A sample is normalise(centroid + s n), with n
/// Gaussian, standard deviations proportional to exp(-i / 60) in a second frame, expected squared length 1, and s^2 uniform in
/// [0.2, 1]. Genuine cosines then have a median of about 0.65, impostor cosines a mean of 0 and a deviation of about 0.13.
/// </summary>
public static class SyntheticFaces
{
    /// <summary>Draws identities with <paramref name="leastSamples"/> to <paramref name="mostSamples"/> samples each, identity by identity.</summary>
    /// <param name="identities">Number of identities.</param>
    /// <param name="leastSamples">Fewest samples of an identity.</param>
    /// <param name="mostSamples">Most samples of an identity.</param>
    /// <param name="seed">Same seed, same bytes.</param>
    /// <param name="dimension">Values a template.</param>
    public static LabelledTemplates Generate(int identities, int leastSamples, int mostSamples, int seed, int dimension = 128)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(leastSamples, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(mostSamples, leastSamples);
        var random = new Random(seed);
        var centroidFrame = Frame(dimension, 30, random);
        var noiseFrame = Frame(dimension, 60, random);
        Normalise(noiseFrame);
        var values = new List<float>(identities * dimension * leastSamples);
        var labels = new List<int>(identities * leastSamples);
        var centroid = new float[dimension];
        var sample = new float[dimension];
        for (var identity = 0; identity < identities; identity++)
        {
            Draw(centroidFrame, random, centroid);
            Normalise(centroid);
            for (var left = random.Next(leastSamples, mostSamples + 1); left > 0; left--)
            {
                Draw(noiseFrame, random, sample);
                var s = MathF.Sqrt(0.2f + 0.8f * random.NextSingle());
                for (var i = 0; i < dimension; i++) sample[i] = centroid[i] + s * sample[i];
                Normalise(sample);
                values.AddRange(sample);
                labels.Add(identity);
            }
        }
        return new LabelledTemplates(new EmbeddingMatrix([.. values], dimension), [.. labels]);
    }

    /// <summary>Rows: random orthonormal vectors (Gram-Schmidt), row i scaled by exp(-i / decay).</summary>
    private static float[] Frame(int dimension, double decay, Random random)
    {
        var rows = new float[dimension * dimension];
        for (var i = 0; i < dimension; i++)
        {
            var row = rows.AsSpan(i * dimension, dimension);
            for (var j = 0; j < dimension; j++) row[j] = Gaussian(random);
            for (var k = 0; k < i; k++)
            {
                var earlier = rows.AsSpan(k * dimension, dimension);
                var along = DotKernel.Dot(row, earlier);
                for (var j = 0; j < dimension; j++) row[j] -= along * earlier[j];
            }
            Normalise(row);
        }
        for (var i = 0; i < rows.Length; i++) rows[i] *= (float)Math.Exp(-(i / dimension) / decay);
        return rows;
    }

    private static void Draw(float[] frame, Random random, Span<float> vector)
    {
        vector.Clear();
        for (var i = 0; i < vector.Length; i++)
        {
            var amount = Gaussian(random);
            var axis = frame.AsSpan(i * vector.Length, vector.Length);
            for (var j = 0; j < vector.Length; j++) vector[j] += amount * axis[j];
        }
    }

    private static void Normalise(Span<float> vector)
    {
        var scale = 1 / MathF.Sqrt(DotKernel.Dot(vector, vector));
        foreach (ref var value in vector) value *= scale;
    }

    private static float Gaussian(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}
