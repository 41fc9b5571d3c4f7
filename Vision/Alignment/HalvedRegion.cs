using System.Buffers;

namespace FaceSearch.Vision;

/// <summary>The part of a picture under a crop, averaged over 2^k x 2^k blocks so that one sample a crop pixel suffices.</summary>
internal sealed class HalvedRegion : IDisposable
{
    private readonly byte[] _buffer;
    private readonly int _x, _y, _block;

    private HalvedRegion(byte[] buffer, int x, int y, int block, int width, int height)
    {
        (_buffer, _x, _y, _block, Width, Height) = (buffer, x, y, block, width, height);
    }

    public int Width { get; }

    public int Height { get; }

    public ReadOnlySpan<byte> Pixels => _buffer.AsSpan(0, Width * Height * 3);

    /// <summary>Averages blocks of the largest power of two that is not above the transform's scale.</summary>
    public static HalvedRegion Create(DecodedImage image, SimilarityTransform cropToImage, int size)
    {
        int block = 2;
        while (block * 2 <= cropToImage.Scale && block < 64)
            block *= 2;
        (int x0, int x1) = Bounds(image.Width, block, cropToImage.Apply(0, 0).X, cropToImage.Apply(size, 0).X, cropToImage.Apply(0, size).X, cropToImage.Apply(size, size).X);
        (int y0, int y1) = Bounds(image.Height, block, cropToImage.Apply(0, 0).Y, cropToImage.Apply(size, 0).Y, cropToImage.Apply(0, size).Y, cropToImage.Apply(size, size).Y);
        int width = (x1 - x0) / block, height = (y1 - y0) / block;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Math.Max(1, width * height * 3));
        Average(image.Pixels, image.Width, x0, y0, block, buffer, width, height);
        return new HalvedRegion(buffer, x0, y0, block, width, height);
    }

    /// <summary>The same crop, read from this region instead of the picture.</summary>
    public SimilarityTransform Adapt(SimilarityTransform t)
    {
        // A block's centre lies (block - 1) / 2 pixels after its first pixel.
        float half = (_block - 1) / 2f;
        return new SimilarityTransform(t.A / _block, t.B / _block, (t.TranslateX - _x - half) / _block, (t.TranslateY - _y - half) / _block);
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

    private static (int From, int To) Bounds(int limit, int block, float a, float b, float c, float d)
    {
        float low = Math.Min(Math.Min(a, b), Math.Min(c, d)), high = Math.Max(Math.Max(a, b), Math.Max(c, d));
        int from = (int)Math.Clamp(MathF.Floor(low) - block, 0, limit);
        int to = (int)Math.Clamp(MathF.Ceiling(high) + 2 * block, from, limit);
        return (from, from + (to - from) / block * block);
    }

    private static void Average(ReadOnlySpan<byte> pixels, int imageWidth, int x0, int y0, int block, Span<byte> target, int width, int height)
    {
        int area = block * block, at = 0;
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++, at += 3)
            {
                int red = 0, green = 0, blue = 0;
                for (int dy = 0; dy < block; dy++)
                {
                    ReadOnlySpan<byte> row = pixels.Slice(((y0 + y * block + dy) * imageWidth + x0 + x * block) * 3, block * 3);
                    for (int i = 0; i < row.Length; i += 3)
                    {
                        red += row[i];
                        green += row[i + 1];
                        blue += row[i + 2];
                    }
                }
                target[at] = (byte)((red + area / 2) / area);
                target[at + 1] = (byte)((green + area / 2) / area);
                target[at + 2] = (byte)((blue + area / 2) / area);
            }
        }
    }
}
