namespace FaceSearch.Vision;

/// <summary>Recognises image containers by their magic bytes; file names and content types are hearsay.</summary>
internal static class FormatSniffer
{
    /// <summary>The format of a file's first bytes, or null.</summary>
    public static ImageFormat? Sniff(ReadOnlySpan<byte> b)
    {
        if (b.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF])) return ImageFormat.Jpeg;
        if (b.StartsWith((ReadOnlySpan<byte>)[0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])) return ImageFormat.Png;
        if (b.StartsWith("GIF87a"u8) || b.StartsWith("GIF89a"u8)) return ImageFormat.Gif;
        if (b.Length >= 12 && b.StartsWith("RIFF"u8) && b[8..12].SequenceEqual("WEBP"u8)) return ImageFormat.WebP;
        if (b.StartsWith("II*\0"u8) || b.StartsWith("MM\0*"u8) || b.StartsWith("II+\0"u8) || b.StartsWith("MM\0+"u8)) return ImageFormat.Tiff;
        return b.Length >= 12 && b[4..8].SequenceEqual("ftyp"u8) ? SniffIsoBrands(b) : null;
    }

    /// <summary>ISO base media: the major brand, then the compatible ones, of the leading <c>ftyp</c> box.</summary>
    private static ImageFormat? SniffIsoBrands(ReadOnlySpan<byte> b)
    {
        int end = (int)Math.Min((uint)b.Length, System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(b));
        bool heic = false;
        for (int i = 8; i + 4 <= end; i += i == 8 ? 8 : 4)
        {
            ReadOnlySpan<byte> brand = b.Slice(i, 4);
            if (brand.SequenceEqual("avif"u8) || brand.SequenceEqual("avis"u8)) return ImageFormat.Avif;
            heic |= brand.SequenceEqual("heic"u8) || brand.SequenceEqual("heix"u8) || brand.SequenceEqual("mif1"u8)
                || brand.SequenceEqual("hevc"u8) || brand.SequenceEqual("heim"u8);
        }
        return heic ? ImageFormat.Heic : null;
    }
}
