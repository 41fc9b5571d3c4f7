using NetVips;

namespace FaceSearch.Vision;

/// <summary>
/// Decodes untrusted images. Size, format and header are checked before a pixel is decoded; at most
/// <see cref="ImageLimits.MaxConcurrentDecodes"/> pictures are in work. Thread-safe; share one instance.
/// </summary>
public sealed class ImageDecoder : IDisposable
{
    /// <summary>Pictures that need more than this share of <see cref="ImageLimits.MaxDecodeBytes"/> decode one at a time.</summary>
    private const int LargeShare = 4;

    private readonly SemaphoreSlim _slots;
    private readonly SemaphoreSlim _largeSlot = new(1, 1);

    /// <exception cref="ArgumentOutOfRangeException">A limit is not positive.</exception>
    public ImageDecoder(ImageLimits? limits = null)
    {
        Limits = (limits ?? new ImageLimits()).Validated();
        _slots = new SemaphoreSlim(Limits.MaxConcurrentDecodes, Limits.MaxConcurrentDecodes);
        LibVips.EnsureConfigured();
    }

    /// <summary>The limits in force.</summary>
    public ImageLimits Limits { get; }

    /// <summary>Bytes of a JPEG, PNG, WebP, GIF, TIFF, AVIF or HEIC file to an upright sRGB picture (the first frame).</summary>
    /// <exception cref="ImageRejectedException">The image is refused; see its <see cref="ImageRejection"/>.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public DecodedImage Decode(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default)
    {
        ImageFormat format = CheckBytes(bytes.Span);
        Enter(_slots, cancellation);
        try
        {
            using Image header = Open(bytes.Span, format, shrink: 1);
            CheckHeader(header, format);
            long needed = DecodeCost.Estimate(header, format);
            if (needed > Limits.MaxDecodeBytes)
                throw ImageErrors.TooMuchMemory(header.Width, header.Height);
            if (needed <= Limits.MaxDecodeBytes / LargeShare)
                return DecodePixels(bytes.Span, header, format, cancellation);
            Enter(_largeSlot, cancellation);
            try
            {
                return DecodePixels(bytes.Span, header, format, cancellation);
            }
            finally
            {
                _largeSlot.Release();
            }
        }
        catch (VipsException e)
        {
            throw ImageErrors.Damaged(format, e);
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _slots.Dispose();
        _largeSlot.Dispose();
    }

    private ImageFormat CheckBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            throw ImageErrors.Empty();
        if (bytes.Length > Limits.MaxBytes)
            throw ImageErrors.TooManyBytes(bytes.Length, Limits.MaxBytes);
        if (FormatSniffer.Sniff(bytes) is not { } format || !Limits.Formats.Contains(format))
            throw ImageErrors.UnsupportedFormat(Limits.Formats);
        return format;
    }

    private void CheckHeader(Image header, ImageFormat format)
    {
        if (!LoaderMatches(header, format))
            throw ImageErrors.UnsupportedFormat(Limits.Formats);
        if (Math.Max(header.Width, header.Height) > Limits.MaxDimension)
            throw ImageErrors.TooLongSide(header.Width, header.Height, Limits.MaxDimension);
        if ((long)header.Width * header.Height > Limits.MaxPixels)
            throw ImageErrors.TooManyPixels(header.Width, header.Height, Limits.MaxPixels);
    }

    private void Enter(SemaphoreSlim slot, CancellationToken cancellation)
    {
        if (!slot.Wait(Limits.QueueTimeout, cancellation))
            throw ImageErrors.Busy();
    }

    private DecodedImage DecodePixels(ReadOnlySpan<byte> bytes, Image header, ImageFormat format, CancellationToken cancellation)
    {
        (int width, int height) = OrientedSize(header);
        int longSide = Math.Max(width, height);
        int shrink = format == ImageFormat.Jpeg ? JpegShrink(longSide) : 1;
        using Image? shrunk = shrink > 1 ? Open(bytes, format, shrink) : null;
        Image source = shrunk ?? header;

        using var chain = new VipsChain(source);
        if (longSide > Limits.WorkingLongSide)
            chain.Then(i => i.ThumbnailImage(Limits.WorkingLongSide, height: Limits.WorkingLongSide, size: Enums.Size.Down, outputProfile: "srgb"));
        else
            Upright(chain);
        ToRgb8(chain);
        Image rgb = chain.Last;
        using var watch = new DecodeWatch([header, source, rgb], Limits.DecodeTimeout, cancellation);
        try
        {
            return new DecodedImage(VipsPixels.ToPooled(rgb), rgb.Width, rgb.Height, width, height);
        }
        catch (VipsException) when (watch.TimedOut)
        {
            throw ImageErrors.TimedOut(Limits.DecodeTimeout);
        }
        catch (VipsException) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }
    }

    /// <summary>The largest of libjpeg's DCT scalings (2, 4, 8) that still leaves at least the working size.</summary>
    private int JpegShrink(int longSide)
    {
        int ratio = longSide / Limits.WorkingLongSide;
        return ratio >= 8 ? 8 : ratio >= 4 ? 4 : ratio >= 2 ? 2 : 1;
    }

    private static Image Open(ReadOnlySpan<byte> bytes, ImageFormat format, int shrink) => Image.NewFromBuffer(
        bytes, "", Enums.Access.Sequential, Enums.FailOn.Error,
        shrink > 1 && format == ImageFormat.Jpeg ? new VOption { { "shrink", shrink } } : null);

    /// <summary>libvips sniffs for itself; refuse a file on which the two of us disagree.</summary>
    private static bool LoaderMatches(Image header, ImageFormat format)
    {
        string loader = header.Contains("vips-loader") ? (string)header.Get("vips-loader") : "";
        string expected = format switch
        {
            ImageFormat.Jpeg => "jpegload",
            ImageFormat.Png => "pngload",
            ImageFormat.WebP => "webpload",
            ImageFormat.Gif => "gifload",
            ImageFormat.Tiff => "tiffload",
            _ => "heifload",
        };
        return loader.StartsWith(expected, StringComparison.Ordinal);
    }

    private static (int Width, int Height) OrientedSize(Image header) =>
        Orientation(header) is >= 5 and <= 8 ? (header.Height, header.Width) : (header.Width, header.Height);

    private static int Orientation(Image image) => image.Contains("orientation") ? Convert.ToInt32(image.Get("orientation")) : 1;

    /// <summary>Turned by the EXIF orientation, and in sRGB by the embedded ICC profile if there is one.</summary>
    private static void Upright(VipsChain chain)
    {
        if (Orientation(chain.Last) != 1)
            chain.Then(i => i.Autorot());
        bool cmyk = chain.Last.Interpretation == Enums.Interpretation.Cmyk;
        if (cmyk || chain.Last.Contains("icc-profile-data"))
            chain.Then(i => i.IccTransform("srgb", embedded: true, inputProfile: cmyk ? "cmyk" : "srgb", intent: Enums.Intent.Perceptual));
    }

    /// <summary>Three 8-bit bands: grey is tripled, 16-bit scaled down, alpha laid on white. Steps that change nothing are left out.</summary>
    private static void ToRgb8(VipsChain chain)
    {
        if (chain.Last.Interpretation != Enums.Interpretation.Srgb || chain.Last.Bands < 3)
            chain.Then(i => i.Colourspace(Enums.Interpretation.Srgb));
        if (chain.Last.HasAlpha())
            chain.Then(i => i.Flatten(background: [255]));
        if (chain.Last.Bands > 3)
            chain.Then(i => i.ExtractBand(0, 3));
        if (chain.Last.Format != Enums.BandFormat.Uchar)
            chain.Then(i => i.Cast(Enums.BandFormat.Uchar));
    }
}
