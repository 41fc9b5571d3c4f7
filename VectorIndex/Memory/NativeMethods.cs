using System.Runtime.InteropServices;

namespace FaceSearch.VectorIndex.Memory;

/// <summary>The system's virtual-memory calls: mmap and its family on Unix, VirtualAlloc on Windows.</summary>
internal static unsafe partial class NativeMethods
{
    public const int ProtNone = 0, ProtRead = 1, ProtWrite = 2;
    public const int MapPrivate = 2, MapFixed = 0x10;
    public const int AdviseHugePage = 14; // Linux only

    // Linux and macOS number these two differently.
    public static readonly int MapAnonymous = OperatingSystem.IsMacOS() ? 0x1000 : 0x20;
    public static readonly int MapNoReserve = OperatingSystem.IsMacOS() ? 0x40 : 0x4000;

    public const uint MemCommit = 0x1000, MemReserve = 0x2000, MemRelease = 0x8000;
    public const uint PageNoAccess = 1, PageReadWrite = 4;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial nint Map(void* address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    public static partial int Unmap(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    public static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    public static partial int Advise(void* address, nuint length, int advice);

    [LibraryImport("kernel32", EntryPoint = "VirtualAlloc", SetLastError = true)]
    public static partial void* VirtualAlloc(void* address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32", EntryPoint = "VirtualFree", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool VirtualFree(void* address, nuint size, uint type);
}
