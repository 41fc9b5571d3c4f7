using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using NetVips;

namespace FaceSearch.Vision.Tests;

/// <summary>One hostile or unusual upload.</summary>
/// <param name="Name">A short, unique name.</param>
/// <param name="Bytes">The upload.</param>
/// <param name="Code">The rejection code it must end in; null when it must be accepted.</param>
/// <param name="MayBeAccepted">True for truncations so slight that a decoder may not miss anything.</param>
public sealed record BadImage(string Name, byte[] Bytes, string? Code, bool MayBeAccepted = false)
{
    public override string ToString() => Name;
}

/// <summary>
/// A corpus of bad images, made at run time with NetVips and by hand. Self-contained, so that other test projects
/// can link this file; none of it shows a face.
/// </summary>
public static class BadImages
{
    /// <summary>Every case.</summary>
    public static IEnumerable<BadImage> All() => Garbage().Concat(Bombs()).Concat(Truncated()).Concat(Unusual());

    /// <summary>Not images, or not of an accepted kind.</summary>
    public static IEnumerable<BadImage> Garbage()
    {
        byte[] random = new byte[4096];
        new Random(42).NextBytes(random);
        yield return new("empty", [], "empty");
        yield return new("one-byte", [0xFF], "unsupported-format");
        yield return new("random", random, "unsupported-format");
        yield return new("html-named-jpg", Encoding.UTF8.GetBytes("<html><body>photo.jpg</body></html>"), "unsupported-format");
        yield return new("svg", Encoding.UTF8.GetBytes("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"), "unsupported-format");
        yield return new("pdf", Encoding.UTF8.GetBytes("%PDF-1.7\n1 0 obj << >> endobj"), "unsupported-format");
        yield return new("ppm", Encoding.UTF8.GetBytes("P3 1 1 255 1 2 3"), "unsupported-format");
        yield return new("jpeg-magic-then-random", [0xFF, 0xD8, 0xFF, 0xE0, .. random], "damaged");
        yield return new("png-magic-then-random", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, .. random], "damaged");
        yield return new("gif-magic-then-nothing", "GIF89a"u8.ToArray(), "damaged");
        yield return new("heic-brand-then-nothing", [0, 0, 0, 24, .. "ftypheic"u8, 0, 0, 0, 0, .. "mif1heic"u8], "unsupported-format");
        yield return new("jpeg-of-17-mib", [0xFF, 0xD8, 0xFF, 0xE0, .. new byte[17 << 20]], "too-many-bytes");
    }

    /// <summary>Small files that claim, or unpack to, a great deal.</summary>
    public static IEnumerable<BadImage> Bombs()
    {
        yield return new("png-900-megapixels", Png(30_000, 30_000, 2, 8, interlaced: false, new byte[1 << 20]), "too-long-side");
        yield return new("png-256-megapixels", Png(16_000, 16_000, 2, 8, interlaced: false, new byte[1 << 20]), "too-many-pixels");
        yield return new("png-49-megapixels-interlaced-16-bit", Png(7_000, 7_000, 6, 16, interlaced: true, new byte[1 << 20]), "too-many-pixels");
        yield return new("png-of-zero-size", Png(0, 0, 2, 8, interlaced: false, []), "damaged");
        yield return new("png-text-bomb", PngTextBomb(), "damaged", MayBeAccepted: true);
        yield return new("gif-65535-square", Gif(65_535, 65_535), "too-long-side");
        yield return new("gif-100-megapixels", Gif(10_000, 10_000), "too-many-pixels");
        yield return new("tiff-256-megapixels", Tiff(16_000, 16_000, tile: 0), "too-many-pixels");
        yield return new("tiff-tile-larger-than-memory", Tiff(64, 64, tile: 60_000), "damaged");
        yield return new("png-30000-by-1", Save(Pattern(30_000, 1), ".png"), "too-long-side");
    }

    /// <summary>Ordinary images of every format, cut off at many places.</summary>
    public static IEnumerable<BadImage> Truncated()
    {
        foreach (string suffix in (string[])[".jpg", ".png", ".webp", ".gif", ".tif"])
        {
            byte[] whole = Save(Pattern(200, 160), suffix);
            foreach (int percent in (int[])[1, 5, 10, 25, 50, 75, 90])
                yield return Cut(whole, suffix, whole.Length * percent / 100, mayBeAccepted: false);
            foreach (int missing in (int[])[1, 2, 8])
                yield return Cut(whole, suffix, whole.Length - missing, mayBeAccepted: true);
        }
    }

    /// <summary>Sound images that decoders like to get wrong.</summary>
    public static IEnumerable<BadImage> Unusual()
    {
        yield return new("one-pixel", Save(Pattern(1, 1), ".png"), null);
        yield return new("no-face", Save(Pattern(320, 240), ".jpg"), null);
        yield return new("grey-jpeg", Save(Pattern(64, 48).Colourspace(Enums.Interpretation.Bw), ".jpg"), null);
        yield return new("palette-png", Save(Pattern(64, 48), ".png", new VOption { { "palette", true } }), null);
        yield return new("sixteen-bit-png", Save(Pattern(64, 48).Colourspace(Enums.Interpretation.Rgb16), ".png"), null);
        yield return new("sixteen-bit-tiff", Save(Pattern(64, 48).Colourspace(Enums.Interpretation.Rgb16), ".tif"), null);
        yield return new("float-tiff", Save(Pattern(64, 48).Cast(Enums.BandFormat.Float), ".tif"), null);
        yield return new("cmyk-jpeg", Save(Pattern(64, 48).IccTransform("cmyk", inputProfile: "srgb"), ".jpg"), null);
        yield return new("transparent-png", Save(Pattern(64, 48).Bandjoin(0), ".png"), null);
        yield return new("progressive-jpeg", Save(Pattern(64, 48), ".jpg", new VOption { { "interlace", true } }), null);
        yield return new("interlaced-png", Save(Pattern(64, 48), ".png", new VOption { { "interlace", true } }), null);
        yield return new("animated-gif", Animated(".gif"), null);
        yield return new("animated-webp", Animated(".webp"), null);
    }

    /// <summary>Quadrants of red, green, blue and grey under a fine texture, so that every part of a file matters.</summary>
    public static Image Pattern(int width, int height)
    {
        byte[] rgb = new byte[width * height * 3];
        var random = new Random(width * 31 + height);
        for (int i = 0; i < width * height; i++)
        {
            int quadrant = (i % width * 2 < width ? 0 : 1) + (i / width * 2 < height ? 0 : 2);
            for (int c = 0; c < 3; c++)
                rgb[i * 3 + c] = (byte)((quadrant == 3 ? 120 : quadrant == c ? 220 : 30) + random.Next(8));
        }
        return Image.NewFromMemory(rgb, width, height, 3, Enums.BandFormat.Uchar).Copy(interpretation: Enums.Interpretation.Srgb);
    }

    /// <summary>Encodes an image; the suffix picks the format.</summary>
    public static byte[] Save(Image image, string suffix, VOption? options = null) => image.WriteToBuffer(suffix, options ?? []);

    private static BadImage Cut(byte[] whole, string suffix, int length, bool mayBeAccepted)
    {
        // Shorter than its magic number, nothing tells what it was.
        string code = length < 12 ? "unsupported-format" : "damaged";
        return new($"{suffix[1..]}-cut-at-{length}-of-{whole.Length}", whole[..length], code, mayBeAccepted);
    }

    private static byte[] Animated(string suffix)
    {
        using Image frames = Image.Arrayjoin([Pattern(64, 48), Pattern(64, 48).Invert(), Pattern(64, 48)], across: 1);
        using Image marked = frames.Mutate(m => m.Set(GValue.GIntType, "page-height", 48));
        return Save(marked, suffix);
    }

    /// <summary>A PNG written by hand: any header, the given bytes deflated as its pixels.</summary>
    private static byte[] Png(int width, int height, byte colourType, byte depth, bool interlaced, byte[] pixels)
    {
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = (depth, colourType, (byte)(interlaced ? 1 : 0));
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, .. Chunk("IHDR", header), .. Chunk("IDAT", Deflate(pixels)), .. Chunk("IEND", [])];
    }

    /// <summary>A sound 64 x 48 PNG with a compressed text of 256 MiB before its pixels.</summary>
    private static byte[] PngTextBomb()
    {
        byte[] sound = Save(Pattern(64, 48), ".png");
        byte[] text = [.. "Comment\0\0"u8, .. Deflate(new byte[1 << 20], times: 256)];
        const int afterHeader = 8 + 25;
        return [.. sound[..afterHeader], .. Chunk("zTXt", text), .. sound[afterHeader..]];
    }

    private static byte[] Chunk(string type, byte[] body)
    {
        byte[] chunk = new byte[12 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(chunk, body.Length);
        Encoding.ASCII.GetBytes(type, chunk.AsSpan(4));
        body.CopyTo(chunk, 8);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(8 + body.Length), Crc32(chunk.AsSpan(4, 4 + body.Length)));
        return chunk;
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
        }
        return ~crc;
    }

    private static byte[] Deflate(byte[] bytes, int times = 1)
    {
        using var target = new MemoryStream();
        using (var zlib = new ZLibStream(target, CompressionLevel.Optimal, leaveOpen: true))
        {
            for (int i = 0; i < times; i++)
                zlib.Write(bytes);
        }
        return target.ToArray();
    }

    /// <summary>A GIF of one black frame that claims the whole canvas.</summary>
    private static byte[] Gif(ushort width, ushort height)
    {
        byte[] size = [(byte)width, (byte)(width >> 8), (byte)height, (byte)(height >> 8)];
        return [.. "GIF89a"u8, .. size, 0x80, 0, 0, 0, 0, 0, 255, 255, 255, 0x2C, 0, 0, 0, 0, .. size, 0, 2, 2, 0x44, 0x01, 0, 0x3B];
    }

    /// <summary>A little-endian TIFF whose one strip or tile lies beyond the end of the file.</summary>
    private static byte[] Tiff(int width, int height, int tile)
    {
        List<(ushort Tag, ushort Type, int Value)> tags =
            [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 8), (262, 3, 1), (277, 3, 1)];
        tags.AddRange(tile == 0
            ? [(273, 4, 8), (278, 4, height), (279, 4, 16)]
            : [(322, 4, tile), (323, 4, tile), (324, 4, 8), (325, 4, 16)]);
        byte[] file = new byte[8 + 2 + tags.Count * 12 + 4];
        "II*\0"u8.CopyTo(file);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(4), 8);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(8), (ushort)tags.Count);
        int at = 10;
        foreach ((ushort tag, ushort type, int value) in tags.OrderBy(t => t.Tag))
        {
            BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), tag);
            BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at + 2), type);
            BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(at + 4), 1);
            BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(at + 8), value);
            at += 12;
        }
        return file;
    }
}
