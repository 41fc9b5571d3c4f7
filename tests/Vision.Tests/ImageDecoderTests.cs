using NetVips;

namespace FaceSearch.Vision.Tests;

public sealed class ImageDecoderTests : IDisposable
{
    private readonly ImageDecoder _decoder = new(new ImageLimits { DecodeTimeout = TimeSpan.FromMinutes(2), QueueTimeout = TimeSpan.FromMinutes(2) });

    public static TheoryData<string> Variants => [.. BadImages.Unusual().Where(b => b.Name is not ("one-pixel" or "no-face" or "grey-jpeg" or "transparent-png" or "float-tiff" or "cmyk-jpeg")).Select(b => b.Name)];

    public void Dispose() => _decoder.Dispose();

    [Theory]
    [MemberData(nameof(Variants))]
    public void Colours_survive_every_encoding(string name)
    {
        using DecodedImage image = _decoder.Decode(BadImages.Unusual().Single(b => b.Name == name).Bytes);
        (image.Width, image.Height).ShouldBe((64, 48));
        ShouldBeNear(image, 16, 12, (223, 33, 33), 16);
        ShouldBeNear(image, 48, 12, (33, 223, 33), 16);
        ShouldBeNear(image, 16, 36, (33, 33, 223), 16);
        ShouldBeNear(image, 48, 36, (123, 123, 123), 16);
    }

    [Fact]
    public void Cmyk_keeps_its_hues_as_far_as_ink_can_show_them()
    {
        using DecodedImage image = _decoder.Decode(BadImages.Unusual().Single(b => b.Name == "cmyk-jpeg").Bytes);
        DominantChannel(image, 16, 12).ShouldBe(0);
        DominantChannel(image, 48, 12).ShouldBe(1);
        DominantChannel(image, 16, 36).ShouldBe(2);
        ShouldBeNear(image, 48, 36, (123, 123, 123), 20);
    }

    [Fact]
    public void Grey_becomes_three_equal_channels()
    {
        using DecodedImage image = _decoder.Decode(BadImages.Unusual().Single(b => b.Name == "grey-jpeg").Bytes);
        ReadOnlySpan<byte> pixels = image.Pixels;
        for (int i = 0; i < pixels.Length; i += 3)
            (pixels[i] == pixels[i + 1] && pixels[i] == pixels[i + 2]).ShouldBeTrue();
    }

    [Fact]
    public void Transparency_is_laid_on_white()
    {
        using DecodedImage image = _decoder.Decode(BadImages.Unusual().Single(b => b.Name == "transparent-png").Bytes);
        image.Pixels.IndexOfAnyExcept((byte)255).ShouldBe(-1);
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6), InlineData(7), InlineData(8)]
    public void Every_exif_orientation_is_undone(int orientation)
    {
        using Image stored = Stored(orientation);
        using Image tagged = stored.Mutate(m => m.Set(GValue.GIntType, "orientation", orientation));
        using DecodedImage image = _decoder.Decode(BadImages.Save(tagged, ".jpg", new VOption { { "Q", 95 } }));
        (image.Width, image.Height, image.OriginalWidth, image.OriginalHeight).ShouldBe((64, 48, 64, 48));
        ShouldBeNear(image, 16, 12, (223, 33, 33), 16);
        ShouldBeNear(image, 48, 12, (33, 223, 33), 16);
        ShouldBeNear(image, 16, 36, (33, 33, 223), 16);
    }

    [Theory]
    [InlineData(".jpg"), InlineData(".png"), InlineData(".webp")]
    public void A_large_picture_is_shrunk_while_its_original_size_is_kept(string suffix)
    {
        using var decoder = new ImageDecoder(new ImageLimits { WorkingLongSide = 300 });
        using DecodedImage image = decoder.Decode(BadImages.Save(BadImages.Pattern(1_600, 1_200), suffix));
        (image.OriginalWidth, image.OriginalHeight).ShouldBe((1_600, 1_200));
        (image.Width, image.Height).ShouldBe((300, 225));
        image.ScaleX.ShouldBe(300f / 1_600);
        ShouldBeNear(image, 225, 56, (33, 223, 33), 10);
    }

    [Fact]
    public void A_format_that_is_not_allowed_is_refused()
    {
        using var decoder = new ImageDecoder(new ImageLimits { Formats = new HashSet<ImageFormat> { ImageFormat.Jpeg } });
        Should.Throw<ImageRejectedException>(() => decoder.Decode(BadImages.Save(BadImages.Pattern(8, 8), ".png")))
            .Reason.ShouldBe(ImageRejection.UnsupportedFormat);
    }

    [Fact]
    public void A_decode_that_takes_too_long_is_stopped()
    {
        byte[] slow = Slow();
        using var decoder = new ImageDecoder(new ImageLimits { DecodeTimeout = TimeSpan.FromMilliseconds(1) });
        Should.Throw<ImageRejectedException>(() => decoder.Decode(slow)).Code.ShouldBe("timed-out");
    }

    [Fact]
    public void A_caller_who_has_left_stops_the_decode()
    {
        using var left = new CancellationTokenSource();
        left.Cancel();
        Should.Throw<OperationCanceledException>(() => _decoder.Decode(BadImages.Save(BadImages.Pattern(400, 300), ".png"), left.Token));
    }

    [Fact]
    public async Task When_every_slot_is_taken_the_next_image_is_told_to_come_again()
    {
        // One slot, held by a picture that decodes slowly until it is cancelled.
        using var decoder = new ImageDecoder(new ImageLimits { MaxConcurrentDecodes = 1, QueueTimeout = TimeSpan.FromMilliseconds(1), DecodeTimeout = TimeSpan.FromMinutes(1) });
        byte[] slow = Slow(), quick = BadImages.Save(BadImages.Pattern(8, 8), ".png");
        using var stop = new CancellationTokenSource();
        Task holder = Task.Run(() =>
        {
            // The two callers race for the slot; whoever is told "busy" tries again.
            while (TryDecode(decoder, slow, stop.Token) is { Reason: ImageRejection.Busy })
            {
            }
        });
        ImageRejectedException? busy = null;
        while (busy is null && !holder.IsCompleted)
            busy = TryDecode(decoder, quick, CancellationToken.None);
        stop.Cancel();
        await Should.ThrowAsync<OperationCanceledException>(holder);
        busy.ShouldNotBeNull().Code.ShouldBe("busy");
        decoder.Decode(quick).Dispose();
    }

    [Fact]
    public void Concurrent_decodes_give_the_same_pixels()
    {
        byte[] file = BadImages.Save(BadImages.Pattern(320, 240), ".jpg");
        using DecodedImage expected = _decoder.Decode(file);
        byte[] pixels = expected.Pixels.ToArray();
        Parallel.For(0, 64, _ =>
        {
            using DecodedImage image = _decoder.Decode(file);
            image.Pixels.SequenceEqual(pixels).ShouldBeTrue();
        });
    }

    private static ImageRejectedException? TryDecode(ImageDecoder decoder, byte[] file, CancellationToken cancellation)
    {
        try
        {
            decoder.Decode(file, cancellation).Dispose();
            return null;
        }
        catch (ImageRejectedException e)
        {
            return e;
        }
    }

    /// <summary>A small file of 48 megapixels.</summary>
    private static byte[] Slow()
    {
        using Image black = Image.Black(12_000, 4_000, bands: 3);
        return BadImages.Save(black.Copy(interpretation: Enums.Interpretation.Srgb), ".png");
    }

    private static int DominantChannel(DecodedImage image, int x, int y)
    {
        ReadOnlySpan<byte> p = image.Pixels.Slice((y * image.Width + x) * 3, 3);
        return p[0] > p[1] && p[0] > p[2] ? 0 : p[1] > p[2] ? 1 : 2;
    }

    /// <summary>The pattern as a camera with that orientation would have stored it.</summary>
    private static Image Stored(int orientation)
    {
        Image upright = BadImages.Pattern(64, 48);
        return orientation switch
        {
            2 => upright.Flip(Enums.Direction.Horizontal),
            3 => upright.Rot180(),
            4 => upright.Flip(Enums.Direction.Vertical),
            5 => upright.Rot90().Flip(Enums.Direction.Horizontal),
            6 => upright.Rot270(),
            7 => upright.Rot270().Flip(Enums.Direction.Horizontal),
            8 => upright.Rot90(),
            _ => upright,
        };
    }

    private static void ShouldBeNear(DecodedImage image, int x, int y, (int R, int G, int B) expected, int tolerance)
    {
        ReadOnlySpan<byte> p = image.Pixels.Slice((y * image.Width + x) * 3, 3);
        ((int)p[0]).ShouldBeInRange(expected.R - tolerance, expected.R + tolerance);
        ((int)p[1]).ShouldBeInRange(expected.G - tolerance, expected.G + tolerance);
        ((int)p[2]).ShouldBeInRange(expected.B - tolerance, expected.B + tolerance);
    }
}
