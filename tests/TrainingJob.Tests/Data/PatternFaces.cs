using FaceSearch.TrainingJob.Data;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Tests.Data;

/// <summary>People who are smooth random patterns; each picture of one is shifted, relit and noisy.</summary>
internal sealed class PatternFaces(int people, int faces, int seed = 1, int shift = 2, int light = 20) : IFaceSource
{
    private const int Side = FolderFaces.Side;

    public string Description => $"{people} patterns";

    public async IAsyncEnumerable<LabelledFace> ReadAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.CompletedTask;
        for (int person = 0; person < people; person++)
        {
            var own = new Random(seed * 1000 + person);
            double[] waves = [.. Enumerable.Range(0, 12).Select(_ => own.NextDouble())];
            for (int face = 0; face < faces; face++)
            {
                cancellation.ThrowIfCancellationRequested();
                var random = new Random((seed * 1000 + person) * 100 + face);
                yield return new LabelledFace($"person {person:D3}", $"{face:D2}", Draw(waves, random, shift), Draw(waves, random, shift + 6), person % 2 == 0 ? "even" : "odd");
            }
        }
    }

    private AlignedFace Draw(double[] w, Random random, int reach)
    {
        int dx = random.Next(-reach, reach + 1), dy = random.Next(-reach, reach + 1), added = random.Next(-light, light + 1);
        byte[] rgb = new byte[Side * Side * 3];
        for (int y = 0; y < Side; y++)
        {
            for (int x = 0; x < Side; x++)
            {
                for (int c = 0; c < 3; c++)
                {
                    double v = 128 + (60 * Math.Sin(((x + dx) * (0.05 + (0.2 * w[c]))) + (6 * w[c + 3]))) + (60 * Math.Cos(((y + dy) * (0.05 + (0.2 * w[c + 6]))) + (6 * w[c + 9])));
                    rgb[(((y * Side) + x) * 3) + c] = (byte)Math.Clamp(v + added + random.Next(-10, 11), 0, 255);
                }
            }
        }
        return new AlignedFace(Side, rgb);
    }
}
