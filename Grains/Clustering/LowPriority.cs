using System.Runtime.InteropServices;

namespace FaceSearch.Grains.Clustering;

/// <summary>Work that must not slow down anything else.</summary>
internal static class LowPriority
{
    /// <summary>A third of the processor time of a busy neighbour: behind everybody, but never starved.</summary>
    private const int Step = 5;

    /// <summary>Runs <paramref name="work"/> on a thread of its own that gives way to all others; it must not start threads, which would inherit that.</summary>
    public static Task RunAsync(string name, Action work)
    {
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread worker = new(() =>
        {
            GiveWay();
            work();
        }) { IsBackground = true, Name = name };

        // The end is announced by a thread of normal priority: the thread pool may start a worker at that moment, and on Linux it would
        // inherit the nice value for good.
        Thread announcer = new(() =>
        {
            worker.Start();
            worker.Join();
            ended.SetResult();
        }) { IsBackground = true, Name = $"{name} ended" };
        announcer.Start();
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
