using System.Buffers;

namespace FaceSearch.Vision;

/// <summary>
/// An upright picture: 8-bit sRGB, RGB interleaved, row by row without padding. Its buffer is pooled: dispose it
/// when the faces have been cut out.
/// </summary>
public sealed class DecodedImage : IDisposable
{
    private byte[]? _buffer;

    /// <summary>Takes a pooled buffer of at least width x height x 3 bytes.</summary>
    internal DecodedImage(byte[] pooled, int width, int height, int originalWidth, int originalHeight)
    {
        _buffer = pooled;
        Width = width;
        Height = height;
        OriginalWidth = originalWidth;
        OriginalHeight = originalHeight;
    }

    /// <summary>Width of the decoded picture in pixels.</summary>
    public int Width { get; }

    /// <summary>Height of the decoded picture in pixels.</summary>
    public int Height { get; }

    /// <summary>Width of the upload in pixels after its EXIF orientation is applied.</summary>
    public int OriginalWidth { get; }

    /// <summary>Height of the upload in pixels after its EXIF orientation is applied.</summary>
    public int OriginalHeight { get; }

    /// <summary>Decoded / original in x: multiply an original coordinate by it to get a decoded one. At most 1.</summary>
    public float ScaleX => (float)Width / OriginalWidth;

    /// <summary>Decoded / original in y.</summary>
    public float ScaleY => (float)Height / OriginalHeight;

    /// <summary>The pixels: width x height x 3 bytes.</summary>
    /// <exception cref="ObjectDisposedException">The picture has been disposed.</exception>
    public ReadOnlySpan<byte> Pixels
    {
        get
        {
            ObjectDisposedException.ThrowIf(_buffer is null, this);
            return _buffer.AsSpan(0, Width * Height * 3);
        }
    }

    /// <summary>Copies raw RGB pixels; for callers that already hold an upright picture.</summary>
    /// <exception cref="ArgumentException">The span is not width x height x 3 bytes.</exception>
    public static DecodedImage FromRgb(ReadOnlySpan<byte> rgb, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        if (rgb.Length != (long)width * height * 3)
            throw new ArgumentException($"Expected {(long)width * height * 3} bytes for {width}x{height} RGB, got {rgb.Length}.", nameof(rgb));
        byte[] pooled = ArrayPool<byte>.Shared.Rent(rgb.Length);
        rgb.CopyTo(pooled);
        return new DecodedImage(pooled, width, height, width, height);
    }

    /// <summary>Returns the buffer to the pool.</summary>
    public void Dispose()
    {
        byte[]? buffer = Interlocked.Exchange(ref _buffer, null);
        if (buffer is not null)
            ArrayPool<byte>.Shared.Return(buffer);
    }
}
