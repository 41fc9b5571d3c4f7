using System.Runtime.InteropServices;
using System.Text;

namespace FaceSearch.FaultBench.Network;

/// <summary>A Linux TUN device: a network interface whose packets this process reads and writes (Documentation/networking/tuntap.rst).</summary>
internal sealed partial class Tun : IDisposable
{
    private const int ReadWrite = 2, CloseOnExec = 0x80000, Layer3 = 0x0001, NoPacketInformation = 0x1000;
    private const ulong SetInterface = 0x400454CA;
    private const short Readable = 1;
    private readonly int _descriptor;

    /// <summary>Makes the device in this process's network namespace; it can be moved to another.</summary>
    /// <exception cref="InvalidOperationException">Not permitted.</exception>
    public Tun(string name)
    {
        _descriptor = Open("/dev/net/tun", ReadWrite | CloseOnExec);
        byte[] request = new byte[40];
        Encoding.ASCII.GetBytes(name, request);
        BitConverter.TryWriteBytes(request.AsSpan(16), (short)(Layer3 | NoPacketInformation));
        if (_descriptor < 0 || Control(_descriptor, SetInterface, request) != 0)
            throw new InvalidOperationException($"A TUN device could not be made: error {Marshal.GetLastPInvokeError()}.");
    }

    /// <summary>The next packet's length; 0 if none came within 200 ms; below 0: the device is gone.</summary>
    public int Read(byte[] packet)
    {
        PollRequest request = new() { Descriptor = _descriptor, Events = Readable };
        int ready = Poll(ref request, 1, 200);
        return ready <= 0 ? 0 : (int)NativeRead(_descriptor, packet, (nuint)packet.Length);
    }

    /// <summary>A packet that does not fit, or meets an interface that is down, is lost, as on a wire.</summary>
    public void Write(byte[] packet, int length) => _ = NativeWrite(_descriptor, packet, (nuint)length);

    public void Dispose() => _ = Close(_descriptor);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollRequest
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int descriptor, ulong request, byte[] argument);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollRequest request, uint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint NativeRead(int descriptor, [Out] byte[] buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint NativeWrite(int descriptor, byte[] buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
