namespace FaceSearch.Gateway.Tests;

/// <summary>Made-up embeddings.</summary>
internal static class Vectors
{
    /// <summary>A unit vector that is the same for the same seed, and nearly orthogonal to those of other seeds.</summary>
    public static Embedding Of(int seed)
    {
        Random random = new(seed);
        float[] values = new float[Embedding.Dimension];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return Embedding.Normalise(values);
    }

    /// <summary>Another photograph of the same person: about <paramref name="score"/> from the first.</summary>
    public static Embedding Near(int seed, float score, int noise = 1)
    {
        ReadOnlySpan<float> a = Of(seed).Values, b = Of(seed * 7_919 + noise).Values;
        float[] mixed = new float[Embedding.Dimension];
        float rest = MathF.Sqrt(1 - score * score);
        for (int i = 0; i < mixed.Length; i++)
            mixed[i] = score * a[i] + rest * b[i];
        return Embedding.Normalise(mixed);
    }
}
