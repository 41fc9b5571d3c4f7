namespace FaceSearch.EndToEnd.Tests.Durability;

/// <summary>Unit vectors of made-up people. Seeded.</summary>
internal static class Synthetic
{
    public static float[] Face(int person, int sample = 0)
    {
        Random centre = new(person), noise = new(1_000_000_000 + (person * 31) + sample);
        float[] vector = new float[128];
        float norm = 0;
        for (int i = 0; i < vector.Length; i++)
        {
            vector[i] = Gaussian(centre) + (0.4f * Gaussian(noise));
            norm += vector[i] * vector[i];
        }
        for (int i = 0; i < vector.Length; i++)
            vector[i] /= MathF.Sqrt(norm);
        return vector;
    }

    private static float Gaussian(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}
