using FaceSearch.Vision;
using NetVips;

namespace FaceSearch.TrainingJob.Augmentation;

/// <summary>Crops to varied crops, and crops to a network's input. Pure functions: safe on any thread.</summary>
public static class FaceRenderer
{
    /// <summary>The face varied: turned, scaled, shifted, mirrored, relit, degraded.</summary>
    public static AlignedFace Render(AlignedFace face, in Jitter jitter)
    {
        if (jitter == Jitter.None)
            return face;
        byte[] rgb = Warp(face.Rgb, face.Size, jitter);
        if (jitter.Blur > 0)
            rgb = Resize(Resize(rgb, face.Size, jitter.Blur), jitter.Blur, face.Size);
        Relight(rgb, jitter);
        if (jitter.Quality > 0)
            rgb = Repack(rgb, face.Size, jitter.Quality);
        return new AlignedFace(face.Size, rgb);
    }

    /// <summary>Two faces one over the other: share x first + (1 - share) x second.</summary>
    public static AlignedFace Mix(AlignedFace first, AlignedFace second, float share)
    {
        byte[] rgb = new byte[first.Rgb.Length];
        int weight = (int)MathF.Round(share * 256);
        for (int i = 0; i < rgb.Length; i++)
            rgb[i] = (byte)((first.Rgb[i] * weight + second.Rgb[i] * (256 - weight) + 128) >> 8);
        return new AlignedFace(first.Size, rgb);
    }

    /// <summary>
    /// Pixels as a network's input, -1 to 1 (<see cref="Onnx.EmbedderManifest.Input"/>), row by row with the three
    /// colours of a pixel together (NHWC); resized where the network takes another side.
    /// </summary>
    /// <param name="values">side x side x 3 floats.</param>
    public static void Encode(AlignedFace face, int side, Span<float> values)
    {
        ReadOnlySpan<byte> rgb = Fit(face, side).Rgb;
        for (int i = 0; i < rgb.Length; i++)
            values[i] = rgb[i] * (2 / 255f) - 1;
    }

    /// <summary>The crop at a model's input size.</summary>
    public static AlignedFace Fit(AlignedFace crop, int side) => crop.Size == side ? crop : new AlignedFace(side, Resize(crop.Rgb, crop.Size, side));

    /// <summary>Bilinear, pixel centres to pixel centres.</summary>
    internal static byte[] Resize(byte[] rgb, int size, int side)
    {
        byte[] result = new byte[side * side * 3];
        float scale = size / (float)side, offset = (scale - 1) / 2;
        BilinearSampler.Warp(rgb, size, size, new SimilarityTransform(scale, 0, offset, offset), result, side);
        return result;
    }

    private static byte[] Warp(byte[] rgb, int size, in Jitter j)
    {
        float a = MathF.Cos(j.Radians) / j.Size, b = MathF.Sin(j.Radians) / j.Size, centre = (size - 1) / 2f;
        // Crop to source: around the centre, then shifted.
        var transform = new SimilarityTransform(a, b, centre - a * centre + b * centre + j.X, centre - b * centre - a * centre + j.Y);
        byte[] warped = new byte[rgb.Length];
        BilinearSampler.Warp(rgb, size, size, transform, warped, size);
        if (j.Mirror)
        {
            for (int y = 0; y < size; y++)
            {
                for (int left = y * size * 3, right = left + (size - 1) * 3; left < right; left += 3, right -= 3)
                {
                    for (int c = 0; c < 3; c++)
                        (warped[left + c], warped[right + c]) = (warped[right + c], warped[left + c]);
                }
            }
        }
        return warped;
    }

    private static void Relight(byte[] rgb, in Jitter j)
    {
        byte[] red = Table(j, j.Red), green = Table(j, 1), blue = Table(j, j.Blue);
        for (int i = 0; i < rgb.Length; i += 3)
        {
            int r = red[rgb[i]], g = green[rgb[i + 1]], b = blue[rgb[i + 2]];
            if (j.Grey)
                r = g = b = (299 * r + 587 * g + 114 * b) / 1000;
            (rgb[i], rgb[i + 1], rgb[i + 2]) = ((byte)r, (byte)g, (byte)b);
        }
    }

    private static byte[] Table(in Jitter j, float gain)
    {
        byte[] table = new byte[256];
        for (int i = 0; i < 256; i++)
            table[i] = (byte)Math.Clamp(((i * gain - 127.5f) * j.Contrast) + 127.5f + (j.Brightness * 255), 0, 255);
        return table;
    }

    /// <summary>Through a real JPEG.</summary>
    private static byte[] Repack(byte[] rgb, int size, int quality)
    {
        using Image image = Image.NewFromMemory(rgb, size, size, 3, Enums.BandFormat.Uchar);
        using Image typed = image.Copy(interpretation: Enums.Interpretation.Srgb);
        using Image packed = Image.JpegloadBuffer(typed.JpegsaveBuffer(q: quality));
        return packed.WriteToMemory<byte>();
    }
}
