using System.Globalization;

namespace FaceSearch.FaultBench.Load;

/// <summary>Made-up people: each a seeded unit vector of 128 numbers, far from all others.</summary>
internal static class Faces
{
    private const int Dimensions = 128;

    public static string Name(int person) => string.Create(CultureInfo.InvariantCulture, $"person-{person:d6}");

    public static float[] Of(int person)
    {
        Random random = new(person);
        float[] vector = new float[Dimensions];
        double norm = 0;
        for (int i = 0; i < vector.Length; i++)
        {
            vector[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
            norm += vector[i] * vector[i];
        }
        for (int i = 0; i < vector.Length; i++)
            vector[i] /= (float)Math.Sqrt(norm);
        return vector;
    }
}
