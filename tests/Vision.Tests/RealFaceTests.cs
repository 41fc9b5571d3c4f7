using System.Runtime.InteropServices;

namespace FaceSearch.Vision.Tests;

public sealed class RealFaceTests(RealModels models) : IClassFixture<RealModels>
{
    [Fact]
    public void Embeddings_equal_the_reference_programs_on_a_seeded_sample_of_lfw()
    {
        string folder = Path.Combine(SharedData.Folder, "embeddings");
        string[] names = File.ReadAllLines(Path.Combine(folder, "lfw_mobilefacenet128_names.txt"));
        ReadOnlySpan<float> reference = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(folder, "lfw_mobilefacenet128_f32.bin")));
        var random = new Random(1);
        List<float> cosines = [];
        for (int i = 0; i < 100; i++)
        {
            int row = random.Next(names.Length);
            FaceCandidate face = models.Pipeline.Analyse(File.ReadAllBytes(SharedData.Lfw(names[row] + ".jpg"))).MostCentral.ShouldNotBeNull();
            float[] embedding = RealModels.Embed(models.PlainEmbedder, face.Crop);
            cosines.Add(RealModels.Cosine(embedding, reference.Slice(row * 128, 128)));
        }
        TestContext.Current.SendDiagnosticMessage($"min {cosines.Min()} mean {cosines.Average()}");
        Console.WriteLine($"min {cosines.Min()} mean {cosines.Average()}");
        cosines.Min().ShouldBeGreaterThan(0.999f);
    }

    [Fact]
    public void Twenty_nine_faces_are_found_in_the_solvay_photograph()
    {
        FaceAnalysis analysis = models.Pipeline.Analyse(SharedData.Scene("solvay_1927_1024x741.jpg"));
        Console.WriteLine(string.Join(" ", analysis.Faces.Select(f => f.Score.ToString("0.000"))));
        analysis.Faces.Count.ShouldBe(29);
    }

    [Fact]
    public void One_face_is_found_in_the_astronaut_photograph() =>
        models.Pipeline.Analyse(SharedData.Scene("astronaut_512x512.png")).Faces.Count.ShouldBe(1);

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6), InlineData(7), InlineData(8)]
    public void Every_exif_orientation_gives_the_upright_face(int orientation)
    {
        FaceCandidate upright = models.Pipeline.Analyse(SharedData.Scene("astronaut_512x512.png")).MostCentral!;
        FaceCandidate face = models.Pipeline.Analyse(SharedData.Scene($"exif_orientation/astronaut_o{orientation}.jpg")).MostCentral.ShouldNotBeNull();
        float score = RealModels.Cosine(RealModels.Embed(models.Embedder, upright.Crop), RealModels.Embed(models.Embedder, face.Crop));
        Console.WriteLine($"o{orientation} {score}");
        score.ShouldBeGreaterThanOrEqualTo(0.99f);
        face.Box.X.ShouldBe(upright.Box.X, 4f);
        face.Box.Y.ShouldBe(upright.Box.Y, 4f);
    }
}
