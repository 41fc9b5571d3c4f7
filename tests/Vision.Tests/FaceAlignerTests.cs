namespace FaceSearch.Vision.Tests;

public sealed class FaceAlignerTests
{
    private static readonly IReadOnlyList<ImagePoint> Template = ModelCatalogue.Find(ModelCatalogue.MobileFaceNet)!.AlignmentTemplate!;

    private static FaceLandmarks AtTemplate => new(Template[0], Template[1], Template[2], Template[3], Template[4]);

    [Fact]
    public void Landmarks_already_on_the_template_leave_the_picture_as_it_is()
    {
        byte[] rgb = Smooth(112, 112);
        using DecodedImage image = DecodedImage.FromRgb(rgb, 112, 112);
        AlignedFace crop = FaceAligner.Align(image, AtTemplate, Template, 112);
        LargestDifference(crop.Rgb, rgb).ShouldBeLessThanOrEqualTo(1);
    }

    [Theory]
    [InlineData(0.7f, 0f), InlineData(1f, 30f), InlineData(1.6f, -75f), InlineData(3.1f, 180f), InlineData(5.3f, 12f)]
    public void A_turned_and_scaled_face_is_brought_back(float scale, float degrees)
    {
        // A picture that is a function of the plane: drawn turned and scaled, its crop must equal the drawing at rest.
        float a = scale * MathF.Cos(degrees * MathF.PI / 180), b = scale * MathF.Sin(degrees * MathF.PI / 180);
        const int side = 900;
        float tx = side / 2 - (a - b) * 56, ty = side / 2 - (a + b) * 56;
        byte[] rgb = new byte[side * side * 3];
        for (int y = 0; y < side; y++)
        {
            for (int x = 0; x < side; x++)
            {
                float u = (a * (x - tx) + b * (y - ty)) / (scale * scale), v = (a * (y - ty) - b * (x - tx)) / (scale * scale);
                Draw(u, v, rgb.AsSpan((y * side + x) * 3, 3));
            }
        }
        ImagePoint Move(ImagePoint p) => new(a * p.X - b * p.Y + tx, b * p.X + a * p.Y + ty);
        var moved = new FaceLandmarks(Move(Template[0]), Move(Template[1]), Move(Template[2]), Move(Template[3]), Move(Template[4]));
        using DecodedImage image = DecodedImage.FromRgb(rgb, side, side);
        AlignedFace crop = FaceAligner.Align(image, moved, Template, 112);
        LargestDifference(crop.Rgb, Smooth(112, 112)).ShouldBeLessThanOrEqualTo(6);
    }

    [Fact]
    public void The_fit_is_the_least_squares_one()
    {
        var random = new Random(9);
        ImagePoint[] from = new ImagePoint[5], to = new ImagePoint[5];
        for (int i = 0; i < 5; i++)
        {
            from[i] = new(random.NextSingle() * 100, random.NextSingle() * 100);
            to[i] = new(random.NextSingle() * 100, random.NextSingle() * 100);
        }
        SimilarityTransform best = SimilarityTransform.Fit(from, to);
        double least = Cost(best);
        foreach (float step in (float[])[-0.01f, 0.01f])
        {
            Cost(best with { A = best.A + step }).ShouldBeGreaterThan(least);
            Cost(best with { B = best.B + step }).ShouldBeGreaterThan(least);
            Cost(best with { TranslateX = best.TranslateX + step * 10 }).ShouldBeGreaterThan(least);
            Cost(best with { TranslateY = best.TranslateY + step * 10 }).ShouldBeGreaterThan(least);
        }

        double Cost(SimilarityTransform t) => Enumerable.Range(0, 5).Sum(i =>
        {
            ImagePoint p = t.Apply(from[i].X, from[i].Y);
            return Math.Pow(p.X - to[i].X, 2) + Math.Pow(p.Y - to[i].Y, 2);
        });
    }

    [Fact]
    public void What_lies_outside_the_picture_is_black()
    {
        using DecodedImage image = DecodedImage.FromRgb([.. Enumerable.Repeat((byte)200, 56 * 112 * 3)], 56, 112);
        AlignedFace crop = FaceAligner.Align(image, AtTemplate, Template, 112);
        crop.Rgb[0].ShouldBe((byte)200);
        crop.Rgb[57 * 3].ShouldBe((byte)0);
        crop.Rgb[^1].ShouldBe((byte)0);
    }

    [Fact]
    public void Landmarks_that_are_not_numbers_give_a_black_crop_and_no_crash()
    {
        using DecodedImage image = DecodedImage.FromRgb(new byte[300], 10, 10);
        var nan = new ImagePoint(float.NaN, float.PositiveInfinity);
        FaceAligner.Align(image, new FaceLandmarks(nan, nan, nan, nan, nan), Template, 112).Rgb.ShouldAllBe(b => b == 0);
    }

    [Theory]
    [InlineData(112, 112), InlineData(200, 150), InlineData(90, 400)]
    public void The_centre_crop_is_the_central_square(int width, int height)
    {
        // Left half black, right half white: whatever the size, the crop's middle column is the border.
        byte[] rgb = new byte[width * height * 3];
        for (int i = 0; i < rgb.Length; i++)
            rgb[i] = (byte)(i / 3 % width * 2 < width ? 0 : 255);
        using DecodedImage image = DecodedImage.FromRgb(rgb, width, height);
        AlignedFace crop = FaceAligner.CentreCrop(image, 112);
        crop.Rgb[(56 * 112 + 50) * 3].ShouldBe((byte)0);
        crop.Rgb[(56 * 112 + 61) * 3].ShouldBe((byte)255);
    }

    private static byte[] Smooth(int width, int height)
    {
        byte[] rgb = new byte[width * height * 3];
        for (int i = 0; i < width * height; i++)
            Draw(i % width, i / width, rgb.AsSpan(i * 3, 3));
        return rgb;
    }

    private static void Draw(float u, float v, Span<byte> rgb)
    {
        rgb[0] = (byte)(128 + 100 * MathF.Sin(u / 9));
        rgb[1] = (byte)(128 + 100 * MathF.Cos(v / 11));
        rgb[2] = (byte)(128 + 100 * MathF.Sin((u + v) / 13));
    }

    private static int LargestDifference(byte[] a, byte[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max();
}
