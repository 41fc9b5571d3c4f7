namespace FaceSearch.Vision;

/// <summary>Why an image was refused. <see cref="ImageRejectedException.Code"/> is the stable text form.</summary>
public enum ImageRejection
{
    Empty,
    TooManyBytes,
    UnsupportedFormat,
    TooManyPixels,
    TooLongSide,
    Damaged,
    TimedOut,
    Busy,
}

/// <summary>An image was refused; the message is a sentence for the sender and never quotes the image.</summary>
public sealed class ImageRejectedException(ImageRejection reason, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>The reason as an enum.</summary>
    public ImageRejection Reason { get; } = reason;

    /// <summary>The reason as a stable machine-readable code, for example <c>too-many-pixels</c>.</summary>
    public string Code => Reason.ToCode();
}

/// <summary>Stable text codes.</summary>
public static class ImageRejectionCodes
{
    /// <summary>The stable, kebab-case code of a reason.</summary>
    public static string ToCode(this ImageRejection reason) => reason switch
    {
        ImageRejection.Empty => "empty",
        ImageRejection.TooManyBytes => "too-many-bytes",
        ImageRejection.UnsupportedFormat => "unsupported-format",
        ImageRejection.TooManyPixels => "too-many-pixels",
        ImageRejection.TooLongSide => "too-long-side",
        ImageRejection.Damaged => "damaged",
        ImageRejection.TimedOut => "timed-out",
        ImageRejection.Busy => "busy",
        _ => throw new ArgumentOutOfRangeException(nameof(reason)),
    };
}
