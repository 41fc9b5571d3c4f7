using NetVips;

namespace FaceSearch.Vision;

/// <summary>The sentences that go with each refusal; each says what to do next and none quotes the image.</summary>
internal static class ImageErrors
{
    public static ImageRejectedException Empty() =>
        new(ImageRejection.Empty, "The image is empty. Send the bytes of an image file.");

    public static ImageRejectedException TooManyBytes(long got, long limit) =>
        new(ImageRejection.TooManyBytes, $"The image has {got:N0} bytes; at most {limit:N0} are accepted. Send a smaller or more compressed image.");

    public static ImageRejectedException UnsupportedFormat(IReadOnlySet<ImageFormat> allowed) =>
        new(ImageRejection.UnsupportedFormat,
            $"The bytes are not an image in an accepted format. Send one of: {string.Join(", ", allowed.Order().Select(f => f.ToString().ToUpperInvariant()))}.");

    public static ImageRejectedException TooManyPixels(int width, int height, long limit) =>
        new(ImageRejection.TooManyPixels, $"The image is {width} x {height} pixels; at most {limit:N0} pixels are accepted. Scale it down and send it again.");

    public static ImageRejectedException TooMuchMemory(int width, int height) =>
        new(ImageRejection.TooManyPixels, $"Decoding this {width} x {height} image would need too much memory in its format. Scale it down, or save it as a baseline (not progressive) JPEG, and send it again.");

    public static ImageRejectedException TooLongSide(int width, int height, int limit) =>
        new(ImageRejection.TooLongSide, $"The image is {width} x {height} pixels; no side may be longer than {limit:N0}. Crop it or scale it down and send it again.");

    /// <summary>The bundled libvips has no HEVC decoder (a patent matter), so a HEIC that fails is taken for sound.</summary>
    public static ImageRejectedException Damaged(ImageFormat format, VipsException inner) => format == ImageFormat.Heic
        ? new(ImageRejection.UnsupportedFormat, "This HEIC image cannot be decoded here. Save it as JPEG and send it again.", inner)
        : new(ImageRejection.Damaged, $"The {format.ToString().ToUpperInvariant()} image is damaged, truncated or of a variant that cannot be decoded. Save it again as JPEG or PNG and resend it.", inner);

    public static ImageRejectedException TimedOut(TimeSpan limit) =>
        new(ImageRejection.TimedOut, $"Decoding the image took longer than {limit.TotalSeconds:0.#} s and was stopped. Send a smaller image.");

    public static ImageRejectedException Busy() =>
        new(ImageRejection.Busy, "Too many images are being decoded. Try again in a moment.");
}
