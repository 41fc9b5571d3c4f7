using System.Runtime.InteropServices;
using NetVips;

namespace FaceSearch.Vision.Tests;

public sealed class RealFaceTests(RealModels models) : IClassFixture<RealModels>
{
    [Fact]
    public void Embeddings_agree_with_the_reference_program_on_a_seeded_sample_of_lfw()
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
            cosines.Add(RealModels.Cosine(RealModels.Embed(models.PlainEmbedder, face.Crop), reference.Slice(row * 128, 128)));
        }
        // Another JPEG decoder moves landmarks by fractions of a pixel; a wrong channel order gives a mean of 0.94, a
        // shift of one pixel 0.978.
        cosines.Average().ShouldBeGreaterThan(0.992f);
        cosines.Min().ShouldBeGreaterThan(0.9f);
    }

    [Fact]
    public void Twenty_nine_faces_are_found_in_the_solvay_photograph()
    {
        FaceAnalysis analysis = models.Pipeline.Analyse(File.ReadAllBytes(SharedData.Scene("solvay_1927_1024x741.jpg")));
        analysis.Faces.Count.ShouldBe(29);
        analysis.Faces.ShouldAllBe(f => f.Box.X >= 0 && f.Box.X + f.Box.Width <= 1024 && f.Box.Y >= 0 && f.Box.Y + f.Box.Height <= 741);
        analysis.Faces.Select(f => f.Score).ShouldBeInOrder(SortDirection.Descending);
    }

    [Fact]
    public void One_face_is_found_in_the_astronaut_photograph_and_it_is_good_enough()
    {
        FaceCandidate face = models.Pipeline.Analyse(File.ReadAllBytes(SharedData.Scene("astronaut_512x512.png"))).Faces.ShouldHaveSingleItem();
        face.Rejections.ShouldBeEmpty();
        face.Box.Centre.X.ShouldBe(224, 20f);
        face.Box.Centre.Y.ShouldBe(110, 25f);
        face.Crop.Size.ShouldBe(112);
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6), InlineData(7), InlineData(8)]
    public void Every_exif_orientation_gives_the_upright_face(int orientation)
    {
        FaceCandidate upright = models.Pipeline.Analyse(File.ReadAllBytes(SharedData.Scene("astronaut_512x512.png"))).Faces[0];
        FaceCandidate face = models.Pipeline.Analyse(File.ReadAllBytes(SharedData.Scene($"exif_orientation/astronaut_o{orientation}.jpg"))).Faces.ShouldHaveSingleItem();
        Score(upright, face).ShouldBeGreaterThanOrEqualTo(0.99f);
        face.Box.X.ShouldBe(upright.Box.X, 4f);
        face.Box.Y.ShouldBe(upright.Box.Y, 4f);
    }

    [Theory]
    [InlineData(".jpg", 90), InlineData(".webp", 90), InlineData(".png", 0), InlineData(".tif", 0), InlineData(".avif", 80)]
    public void The_same_face_is_found_in_every_format(string suffix, int quality)
    {
        using Image astronaut = Astronaut();
        byte[] file = BadImages.Save(astronaut, suffix, quality == 0 ? null : new VOption { { "Q", quality } });
        Score(models.Pipeline.Analyse(File.ReadAllBytes(SharedData.Scene("astronaut_512x512.png"))).Faces[0], models.Pipeline.Analyse(file).Faces.ShouldHaveSingleItem()).ShouldBeGreaterThan(0.97f);
    }

    [Theory]
    [InlineData(4), InlineData(7)]
    public void A_face_in_a_large_photograph_keeps_its_place_and_its_embedding(int factor)
    {
        FaceCandidate small = models.Pipeline.Analyse(File.ReadAllBytes(SharedData.Scene("astronaut_512x512.png"))).Faces[0];
        using Image enlarged = Astronaut().Resize(factor);
        FaceAnalysis analysis = models.Pipeline.Analyse(BadImages.Save(enlarged, ".jpg", new VOption { { "Q", 90 } }));
        (analysis.OriginalWidth, analysis.OriginalHeight).ShouldBe((512 * factor, 512 * factor));
        FaceCandidate large = analysis.Faces.ShouldHaveSingleItem();
        (large.Box.X / factor).ShouldBe(small.Box.X, 6f);
        (large.Box.Width / factor).ShouldBe(small.Box.Width, 8f);
        Score(small, large).ShouldBeGreaterThan(0.97f);
    }

    [Fact]
    public void A_face_that_fills_a_large_photograph_is_found_at_the_second_look()
    {
        FaceCandidate small = models.Pipeline.Analyse(File.ReadAllBytes(SharedData.Scene("astronaut_512x512.png"))).Faces[0];
        using Image close = Astronaut().Crop((int)small.Box.X - 20, Math.Max(0, (int)small.Box.Y - 25), (int)small.Box.Width + 40, (int)small.Box.Height + 45).Resize(14);
        FaceCandidate large = models.Pipeline.Analyse(BadImages.Save(close, ".jpg")).MostCentral.ShouldNotBeNull();
        Score(small, large).ShouldBeGreaterThan(0.9f);
    }

    [Fact]
    public void Without_a_detector_the_picture_is_a_thumbnail_and_the_answer_says_so()
    {
        using var pipeline = new FacePipeline(models.Decoder, detector: null, models.Embedder.Manifest);
        byte[] file = File.ReadAllBytes(SharedData.Lfw("George_W_Bush_0001.jpg"));
        FaceAnalysis analysis = pipeline.Analyse(file);
        analysis.Warnings.ShouldBe([VisionWarnings.NoDetectorInstalled]);
        FaceCandidate face = analysis.Faces.ShouldHaveSingleItem();
        face.Landmarks.ShouldBeNull();
        face.Box.ShouldBe(new FaceBox(0, 0, 250, 250));
        RealModels.Embed(models.Embedder, face.Crop).Length.ShouldBe(128);
    }

    [Fact]
    public void No_face_is_found_where_there_is_none()
    {
        foreach (BadImage picture in BadImages.Unusual())
            models.Pipeline.Analyse(picture.Bytes).Faces.ShouldBeEmpty(picture.Name);
    }

    [Fact]
    public void Concurrent_analyses_give_the_same_faces()
    {
        byte[] file = File.ReadAllBytes(SharedData.Scene("2007_007763.jpg"));
        FaceAnalysis expected = models.Pipeline.Analyse(file);
        expected.Faces.ShouldNotBeEmpty();
        Parallel.For(0, 12, _ => models.Pipeline.Analyse(file).Faces.Select(f => f.Box).ShouldBe(expected.Faces.Select(f => f.Box)));
    }

    [Fact]
    public async Task The_asynchronous_and_the_embedding_calls_see_the_same_faces()
    {
        byte[] file = File.ReadAllBytes(SharedData.Scene("2008_002079.jpg"));
        FaceAnalysis expected = models.Pipeline.Analyse(file);
        (await models.Pipeline.AnalyseAsync(file)).Faces.Select(f => f.Box).ShouldBe(expected.Faces.Select(f => f.Box));
        (FaceAnalysis analysis, float[][] embeddings) = models.Pipeline.AnalyseAndEmbed(file, models.Embedder);
        embeddings.Length.ShouldBe(expected.Faces.Count);
        for (int i = 0; i < embeddings.Length; i++)
            RealModels.Cosine(embeddings[i], RealModels.Embed(models.Embedder, analysis.Faces[i].Crop)).ShouldBe(1, 1e-4f);
    }

    [Fact]
    public void Mirroring_the_crop_does_not_change_the_summed_embedding_but_does_change_the_plain_one()
    {
        AlignedFace crop = models.Pipeline.Analyse(File.ReadAllBytes(SharedData.Scene("astronaut_512x512.png"))).Faces[0].Crop;
        var mirrored = new AlignedFace(crop.Size, Image.NewFromMemory(crop.Rgb, 112, 112, 3, Enums.BandFormat.Uchar).Flip(Enums.Direction.Horizontal).WriteToMemory<byte>());
        RealModels.Cosine(RealModels.Embed(models.Embedder, crop), RealModels.Embed(models.Embedder, mirrored)).ShouldBe(1, 1e-4f);
        RealModels.Cosine(RealModels.Embed(models.PlainEmbedder, crop), RealModels.Embed(models.PlainEmbedder, mirrored)).ShouldBeLessThan(0.99f);
    }

    private float Score(FaceCandidate a, FaceCandidate b) =>
        RealModels.Cosine(RealModels.Embed(models.Embedder, a.Crop), RealModels.Embed(models.Embedder, b.Crop));

    /// <summary>The astronaut as a libvips image (loaded by way of the decoder, which blocks nothing it needs).</summary>
    private Image Astronaut()
    {
        using DecodedImage decoded = models.Decoder.Decode(File.ReadAllBytes(SharedData.Scene("astronaut_512x512.png")));
        using Image raw = Image.NewFromMemory(decoded.Pixels.ToArray(), decoded.Width, decoded.Height, 3, Enums.BandFormat.Uchar);
        return raw.Copy(interpretation: Enums.Interpretation.Srgb);
    }
}
