using System.Buffers;
using System.Runtime.InteropServices;
using NetVips;

namespace FaceSearch.Vision;

/// <summary>Renders a libvips image into a pooled array.</summary>
internal static class VipsPixels
{
    /// <summary>Evaluates an 8-bit image; the caller returns the array to <see cref="ArrayPool{T}.Shared"/>.</summary>
    /// <exception cref="VipsException">The evaluation failed or was stopped.</exception>
    public static byte[] ToPooled(Image image)
    {
        IntPtr native = image.WriteToMemory(out ulong size);
        try
        {
            byte[] pooled = ArrayPool<byte>.Shared.Rent((int)size);
            Marshal.Copy(native, pooled, 0, (int)size);
            return pooled;
        }
        finally
        {
            NetVips.NetVips.Free(native);
        }
    }
}
