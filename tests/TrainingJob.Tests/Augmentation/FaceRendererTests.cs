using FaceSearch.TrainingJob.Augmentation;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Tests.Augmentation;

public sealed class FaceRendererTests
{
    private readonly AlignedFace _face = Gradient();

    [Fact]
    public void No_variation_leaves_every_pixel() => FaceRenderer.Render(_face, Jitter.None).Rgb.ShouldBe(_face.Rgb);

    [Fact]
    public void A_mirrored_face_mirrored_again_is_the_face()
    {
        AlignedFace once = FaceRenderer.Render(_face, Jitter.None with { Mirror = true });
        once.Rgb[0].ShouldBe(_face.Rgb[111 * 3]);
        FaceRenderer.Render(once, Jitter.None with { Mirror = true }).Rgb.ShouldBe(_face.Rgb);
    }

    [Fact]
    public void A_shift_moves_pixels_by_as_much()
    {
        AlignedFace moved = FaceRenderer.Render(_face, Jitter.None with { X = 3, Y = -2 });
        moved.Rgb[(50 * 112 + 50) * 3].ShouldBe(_face.Rgb[(48 * 112 + 53) * 3]);
    }

    [Fact]
    public void The_same_seed_gives_the_same_variation_and_another_seed_another()
    {
        byte[] Vary(int seed) => FaceRenderer.Render(_face, Jitter.Draw(new Random(seed), JitterStrength.Thumbnail)).Rgb;
        Vary(5).ShouldBe(Vary(5));
        Vary(5).ShouldNotBe(Vary(6));
    }

    [Fact]
    public void Every_kind_of_degradation_changes_the_face_but_not_its_likeness()
    {
        foreach (Jitter jitter in (Jitter[])[Jitter.None with { Blur = 40 }, Jitter.None with { Quality = 20 }, Jitter.None with { Grey = true, Contrast = 0.9f }])
        {
            byte[] rgb = FaceRenderer.Render(_face, jitter).Rgb;
            rgb.ShouldNotBe(_face.Rgb);
            rgb.Zip(_face.Rgb).Average(p => Math.Abs(p.First - p.Second)).ShouldBeLessThan(40);
        }
    }

    [Fact]
    public void A_mixture_lies_between_its_two_faces()
    {
        var black = new AlignedFace(112, new byte[112 * 112 * 3]);
        FaceRenderer.Mix(_face, black, 0.5f).Rgb.Zip(_face.Rgb).ShouldAllBe(p => Math.Abs(p.First - p.Second / 2.0) <= 1);
    }

    [Fact]
    public void Pixels_are_encoded_from_minus_one_to_one()
    {
        float[] values = new float[112 * 112 * 3];
        FaceRenderer.Encode(_face, 112, values);
        values.Min().ShouldBe(-1, 1e-6f);
        values.Max().ShouldBe(111 * 2 * 2 / 255f - 1, 1e-5f);
    }

    private static AlignedFace Gradient()
    {
        byte[] rgb = new byte[112 * 112 * 3];
        for (int y = 0; y < 112; y++)
        {
            for (int x = 0; x < 112; x++)
                (rgb[(y * 112 + x) * 3], rgb[(y * 112 + x) * 3 + 1], rgb[(y * 112 + x) * 3 + 2]) = ((byte)(x + y), (byte)(2 * x), (byte)(2 * y));
        }
        return new AlignedFace(112, rgb);
    }
}
