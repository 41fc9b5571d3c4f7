using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace FaceSearch.VectorIndex.Memory;

/// <summary>
/// The one owner of native memory: a range of address space reserved at once and committed from the front as it grows, so its
/// base never moves and readers need no lock. Fresh memory is zero. A file can be mapped over the front (copy on write).
/// </summary>
internal sealed unsafe class NativeRegion : IDisposable
{
    public const long HugePage = 2L << 20;
    private const long SmallStep = 64L << 10;
    private const long HugeThreshold = 8L << 20;

    private static long s_liveBytes;
    private readonly long _reserved;
    private readonly bool _hugePages;
    private byte* _base;
    private void* _mapping;
    private long _committed;
    private readonly long _mappingLength;

    public NativeRegion(long reserve, bool hugePages)
    {
        long page = Environment.SystemPageSize;
        _reserved = Round(Math.Max(reserve, page), page);
        _hugePages = hugePages && OperatingSystem.IsLinux();
        if (OperatingSystem.IsWindows())
        {
            _base = (byte*)NativeMethods.VirtualAlloc(null, (nuint)_reserved, NativeMethods.MemReserve, NativeMethods.PageNoAccess);
            if (_base == null) throw new InsufficientMemoryException($"Cannot reserve {_reserved} bytes of address space.");
            return;
        }

        // Room to align the base to a huge page.
        _mappingLength = _reserved + (_hugePages ? HugePage : 0);
        nint mapped = NativeMethods.Map(null, (nuint)_mappingLength, NativeMethods.ProtNone,
            NativeMethods.MapPrivate | NativeMethods.MapAnonymous | NativeMethods.MapNoReserve, -1, 0);
        if (mapped == -1) throw new InsufficientMemoryException($"Cannot reserve {_mappingLength} bytes of address space.");
        _mapping = (void*)mapped;
        _base = (byte*)(_hugePages ? Round(mapped, HugePage) : mapped);
    }

    ~NativeRegion() => Release();

    /// <summary>Bytes committed by all regions of the process: for leak tests.</summary>
    public static long LiveBytes => Volatile.Read(ref s_liveBytes);

    public byte* Base => _base;
    public long Committed => _committed;

    /// <summary>Makes at least the first <paramref name="bytes"/> usable. Callers serialise growth.</summary>
    public void Commit(long bytes)
    {
        if (bytes <= _committed) return;
        if (bytes > _reserved) throw new InsufficientMemoryException($"Region of {_reserved} bytes cannot grow to {bytes}.");
        // Growing step by step, a large region takes whole huge pages; the first commit is exact, for it was asked for by size.
        long step = _committed == 0 ? Environment.SystemPageSize : _committed >= HugeThreshold ? HugePage : SmallStep;
        long target = Math.Min(Round(bytes, step), _reserved);
        if (OperatingSystem.IsWindows())
        {
            if (NativeMethods.VirtualAlloc(_base, (nuint)target, NativeMethods.MemCommit, NativeMethods.PageReadWrite) == null)
                throw new InsufficientMemoryException($"Cannot commit {target} bytes.");
        }
        else
        {
            if (NativeMethods.Protect(_base + _committed, (nuint)(target - _committed), NativeMethods.ProtRead | NativeMethods.ProtWrite) != 0)
                throw new InsufficientMemoryException($"Cannot commit {target} bytes (error {Marshal.GetLastPInvokeError()}).");
            if (_hugePages && target >= HugeThreshold)
                _ = NativeMethods.Advise(_base, (nuint)target, NativeMethods.AdviseHugePage); // best effort
        }

        Interlocked.Add(ref s_liveBytes, target - _committed);
        Volatile.Write(ref _committed, target);
    }

    /// <summary>
    /// Maps <paramref name="length"/> bytes of a file, copy on write, over the front of an empty region. False where the system
    /// cannot (the caller then reads the bytes instead).
    /// </summary>
    public bool TryMapFile(SafeFileHandle file, long offset, long length)
    {
        if (OperatingSystem.IsWindows() || offset % Environment.SystemPageSize != 0 || _committed != 0) return false;
        long rounded = Round(length, Environment.SystemPageSize);
        nint at = NativeMethods.Map(_base, (nuint)rounded, NativeMethods.ProtRead | NativeMethods.ProtWrite,
            NativeMethods.MapPrivate | NativeMethods.MapFixed, (int)file.DangerousGetHandle(), offset);
        if (at == -1) return false;
        _committed = rounded;
        Interlocked.Add(ref s_liveBytes, rounded);
        return true;
    }

    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private void Release()
    {
        if (_base == null) return;
        if (OperatingSystem.IsWindows()) NativeMethods.VirtualFree(_base, 0, NativeMethods.MemRelease);
        else _ = NativeMethods.Unmap(_mapping, (nuint)_mappingLength);
        Interlocked.Add(ref s_liveBytes, -_committed);
        _base = null;
        _mapping = null;
        _committed = 0;
    }

    private static long Round(long value, long step) => (value + step - 1) / step * step;
}
