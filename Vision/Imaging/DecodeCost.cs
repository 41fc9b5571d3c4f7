using NetVips;

namespace FaceSearch.Vision;

/// <summary>Memory that decoding a picture needs beyond its shrunken result, judged by its header alone.</summary>
internal static class DecodeCost
{
    /// <summary>Upper estimate in bytes; 0 for pictures that stream row by row.</summary>
    public static long Estimate(Image header, ImageFormat format)
    {
        long pixels = (long)header.Width * header.Height;
        long frame = pixels * header.Bands * BytesPerBand(header.Format);
        return format switch
        {
            // A progressive JPEG keeps two bytes a coefficient until its last scan.
            ImageFormat.Jpeg => Flag(header, "jpeg-multiscan") ? pixels * header.Bands * 2 : 0,
            ImageFormat.Png => Flag(header, "interlaced") ? frame : 0,
            // Canvas and previous canvas.
            ImageFormat.Gif => pixels * 4 * 2,
            // One strip may hold the whole picture.
            ImageFormat.Tiff => frame,
            // Lossless WebP: ARGB work buffer and the result.
            ImageFormat.WebP => pixels * 4 + frame,
            // Planes as decoded (4:4:4 at worst) and the interleaved result.
            _ => frame * 2,
        };
    }

    private static bool Flag(Image header, string field) => header.Contains(field);

    private static int BytesPerBand(Enums.BandFormat format) => format switch
    {
        Enums.BandFormat.Uchar or Enums.BandFormat.Char => 1,
        Enums.BandFormat.Ushort or Enums.BandFormat.Short => 2,
        Enums.BandFormat.Uint or Enums.BandFormat.Int or Enums.BandFormat.Float => 4,
        Enums.BandFormat.Dpcomplex => 16,
        _ => 8,
    };
}
