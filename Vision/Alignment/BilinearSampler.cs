namespace FaceSearch.Vision;

/// <summary>Bilinear resampling of interleaved RGB.</summary>
internal static class BilinearSampler
{
    /// <summary>
    /// Fills a square crop: its pixel (x, y) is read at <paramref name="cropToImage"/>(x, y); pixels outside the
    /// picture count as black.
    /// </summary>
    public static void Warp(ReadOnlySpan<byte> pixels, int width, int height, SimilarityTransform cropToImage, Span<byte> crop, int size)
    {
        int target = 0;
        for (int y = 0; y < size; y++)
        {
            for (int x = 0; x < size; x++, target += 3)
            {
                ImagePoint p = cropToImage.Apply(x, y);
                float floorX = MathF.Floor(p.X), floorY = MathF.Floor(p.Y);
                // Also false for NaN and for coordinates too large for an int.
                if (!(floorX >= -1 && floorY >= -1 && floorX < width && floorY < height))
                    continue;
                int left = (int)floorX, top = (int)floorY;
                float fx = p.X - floorX, fy = p.Y - floorY;
                if (left >= 0 && top >= 0 && left + 1 < width && top + 1 < height)
                    Inside(pixels, (top * width + left) * 3, width * 3, fx, fy, crop.Slice(target, 3));
                else
                    AtBorder(pixels, width, height, left, top, fx, fy, crop.Slice(target, 3));
            }
        }
    }

    private static void Inside(ReadOnlySpan<byte> pixels, int at, int stride, float fx, float fy, Span<byte> rgb)
    {
        ReadOnlySpan<byte> upper = pixels.Slice(at, 6), lower = pixels.Slice(at + stride, 6);
        float w11 = fx * fy, w10 = fx - w11, w01 = fy - w11, w00 = 1 - fx - w01;
        for (int c = 0; c < 3; c++)
            rgb[c] = (byte)(upper[c] * w00 + upper[c + 3] * w10 + lower[c] * w01 + lower[c + 3] * w11 + 0.5f);
    }

    private static void AtBorder(ReadOnlySpan<byte> pixels, int width, int height, int left, int top, float fx, float fy, Span<byte> rgb)
    {
        for (int c = 0; c < 3; c++)
        {
            float sum = 0;
            for (int dy = 0; dy < 2; dy++)
            {
                for (int dx = 0; dx < 2; dx++)
                {
                    int x = left + dx, y = top + dy;
                    if ((uint)x < (uint)width && (uint)y < (uint)height)
                        sum += pixels[(y * width + x) * 3 + c] * (dx == 0 ? 1 - fx : fx) * (dy == 0 ? 1 - fy : fy);
                }
            }
            rgb[c] = (byte)(sum + 0.5f);
        }
    }
}
