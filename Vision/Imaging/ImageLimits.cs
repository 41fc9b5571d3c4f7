namespace FaceSearch.Vision;

/// <summary>Image container formats that can be allowed.</summary>
public enum ImageFormat { Jpeg, Png, WebP, Gif, Tiff, Avif, Heic }

/// <summary>What an untrusted upload may cost. Everything here is checked before a pixel is decoded.</summary>
public sealed record ImageLimits
{
    /// <summary>Largest encoded size in bytes (default 16 MiB).</summary>
    public long MaxBytes { get; init; } = 16L << 20;

    /// <summary>Largest width x height according to the header (default 50 million: a 50 MP camera).</summary>
    public long MaxPixels { get; init; } = 50_000_000;

    /// <summary>
    /// Memory one picture may need while decoding, estimated from its header (default 160 MiB). Baseline JPEG and
    /// plain PNG stream row by row; progressive, interlaced and modern formats need the whole frame at once.
    /// </summary>
    public long MaxDecodeBytes { get; init; } = 160L << 20;

    /// <summary>Longest side in pixels according to the header (default 16,384).</summary>
    public int MaxDimension { get; init; } = 16_384;

    /// <summary>Formats that are decoded; anything else is refused by its magic bytes, whatever its file name says.</summary>
    public IReadOnlySet<ImageFormat> Formats { get; init; } = new HashSet<ImageFormat>(Enum.GetValues<ImageFormat>());

    /// <summary>
    /// Longest side of the decoded picture in pixels; larger pictures are shrunk while loading. Alignment samples
    /// from this picture, so it is larger than the side the detector works on. Default 1,920: a 12-megapixel JPEG of
    /// 4,000 or 4,032 pixels is then halved by libjpeg's scaled DCT, which costs a fraction of a full decode.
    /// </summary>
    public int WorkingLongSide { get; init; } = 1_920;

    /// <summary>Pictures decoded at the same time (default: one a processor). Others wait.</summary>
    public int MaxConcurrentDecodes { get; init; } = Math.Max(1, Environment.ProcessorCount);

    /// <summary>How long a picture may wait for its turn before <see cref="ImageRejection.Busy"/> (default 10 s).</summary>
    public TimeSpan QueueTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long one decode may run before it is stopped as <see cref="ImageRejection.TimedOut"/> (default 5 s). The
    /// limits above keep any accepted picture under a second of processor time; the rest is for a busy machine.
    /// </summary>
    public TimeSpan DecodeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <exception cref="ArgumentOutOfRangeException">A limit is not positive.</exception>
    public ImageLimits Validated()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxBytes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxPixels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxDecodeBytes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxDimension);
        ArgumentOutOfRangeException.ThrowIfLessThan(WorkingLongSide, 112);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxConcurrentDecodes);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(QueueTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(DecodeTimeout, TimeSpan.Zero);
        return this;
    }
}
