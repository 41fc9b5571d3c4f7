using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

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
        ArgumentOutOfRangeException.ThrowIfLessThan(pixels.Length, width * height * 3);
        ArgumentOutOfRangeException.ThrowIfLessThan(crop.Length, size * size * 3);
        ref byte source = ref MemoryMarshal.GetReference(pixels);
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
                // Inside() reads one byte past the lower right neighbour, so the picture's last pixel is left to AtBorder().
                if (left >= 0 && top >= 0 && left + 1 < width && top + 1 < height && (left + 2 < width || top + 2 < height))
                    Inside(ref Unsafe.Add(ref source, (top * width + left) * 3), width * 3, fx, fy, ref Unsafe.Add(ref MemoryMarshal.GetReference(crop), target));
                else
                    AtBorder(pixels, width, height, left, top, fx, fy, crop.Slice(target, 3));
            }
        }
    }

    /// <summary>All four neighbours and the byte after them are inside: three channels (and one idle lane) at once.</summary>
    private static void Inside(ref byte upper, int stride, float fx, float fy, ref byte rgb)
    {
        ref byte lower = ref Unsafe.Add(ref upper, stride);
        float w11 = fx * fy, w10 = fx - w11, w01 = fy - w11, w00 = 1 - fx - w01;
        Vector128<float> sum = Pixel(ref upper) * w00 + Pixel(ref Unsafe.Add(ref upper, 3)) * w10
            + Pixel(ref lower) * w01 + Pixel(ref Unsafe.Add(ref lower, 3)) * w11;
        Vector128<int> rounded = Vector128.ConvertToInt32(sum + Vector128.Create(0.5f));
        rgb = (byte)rounded.GetElement(0);
        Unsafe.Add(ref rgb, 1) = (byte)rounded.GetElement(1);
        Unsafe.Add(ref rgb, 2) = (byte)rounded.GetElement(2);
    }

    private static Vector128<float> Pixel(ref byte at)
    {
        Vector128<byte> four = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(ref at)).AsByte();
        return Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(four)).AsInt32());
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
