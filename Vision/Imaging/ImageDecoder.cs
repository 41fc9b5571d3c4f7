namespace FaceSearch.Vision;

/// <summary>Decodes untrusted images. Thread-safe; share one instance.</summary>
public sealed class ImageDecoder(ImageLimits? limits = null)
{
    /// <summary>The limits in force.</summary>
    public ImageLimits Limits { get; } = (limits ?? new ImageLimits()).Validated();

    /// <summary>Bytes of a JPEG, PNG, WebP, GIF, TIFF, AVIF or HEIC file to an upright sRGB picture (the first frame).</summary>
    /// <exception cref="ImageRejectedException">The image is refused; see its <see cref="ImageRejection"/>.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public DecodedImage Decode(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default) => throw new NotImplementedException();
}
