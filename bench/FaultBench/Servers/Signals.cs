using System.Runtime.InteropServices;

namespace FaceSearch.FaultBench.Servers;

/// <summary>POSIX signals by kill(2).</summary>
internal static partial class Signals
{
    public const int Kill = 9, Terminate = 15, Continue = 18, Stop = 19;

    /// <exception cref="InvalidOperationException">There is no such process.</exception>
    public static void Send(int process, int signal)
    {
        if (NativeKill(process, signal) != 0)
            throw new InvalidOperationException($"kill({process}, {signal}) failed with error {Marshal.GetLastPInvokeError()}.");
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int NativeKill(int process, int signal);
}
