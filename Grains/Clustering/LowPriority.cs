using System.Runtime.InteropServices;

namespace FaceSearch.Grains.Clustering;

/// <summary>Work that must not slow down anything else.</summary>
internal static class LowPriority
{
    /// <summary>A third of the processor time of a busy neighbour: behind everybody, but never starved.</summary>
    private const int Step = 5;

    /// <summary>Runs <paramref name="work"/> on a thread of its own that gives way to all others.</summary>
    public static Task RunAsync(string name, Action work)
    {
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread thread = new(() =>
        {
            GiveWay();
            try
            {
                work();
            }
            finally
            {
                ended.SetResult();
            }
        }) { IsBackground = true, Name = name };
        thread.Start();
        return ended.Task;
    }

    /// <summary>.NET ignores thread priorities on Linux, where a nice value belongs to the thread; elsewhere it would be the process's.</summary>
    private static void GiveWay()
    {
        if (OperatingSystem.IsLinux())
            _ = Nice(Step);
        else
            Thread.CurrentThread.Priority = ThreadPriority.BelowNormal;
    }

    [DllImport("libc", EntryPoint = "nice")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Nice(int step);
}
