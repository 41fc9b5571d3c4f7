using FaceSearch.Storage;

namespace FaceSearch.Grains.Tests;

/// <summary>Synthetic people: a direction each, and samples near it. Seeded.</summary>
internal static class Faces
{
    /// <summary>A sample of person <paramref name="person"/>; genuine scores are about 0.8, impostor scores near 0.</summary>
    public static Embedding Of(int person, int sample = 0)
    {
        Random centre = new(person), noise = new(1_000_000_000 + (person * 7919) + sample);
        float[] vector = new float[Embedding.Dimension];
        for (int i = 0; i < vector.Length; i++)
            vector[i] = Gaussian(centre) + (0.5f * Gaussian(noise));
        return Embedding.Normalise(vector);
    }

    public static IdentityChange Enrolment(int person, string? operation = null, int sample = 0, Dictionary<string, string>? metadata = null) => new()
    {
        OperationId = operation ?? $"enrol-{person}-{sample}",
        Identity = Name(person),
        Metadata = metadata,
        Add = [new TemplateRecord(TemplateId.New(TimeProvider.System), Of(person, sample), TemplateQuality.Unknown, DateTimeOffset.UtcNow)],
        Fingerprint = (ulong)((person * 1000) + sample),
        At = DateTimeOffset.UtcNow,
    };

    public static IdentityChange Erasure(int person) => new()
    {
        OperationId = $"erase-{person}",
        Identity = Name(person),
        Erase = true,
        At = DateTimeOffset.UtcNow,
    };

    public static string Name(int person) => $"person-{person:d4}";

    private static float Gaussian(Random random)
    {
        double u = 1 - random.NextDouble(), v = random.NextDouble();
        return (float)(Math.Sqrt(-2 * Math.Log(u)) * Math.Cos(2 * Math.PI * v));
    }
}
