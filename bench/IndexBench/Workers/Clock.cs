using System.Globalization;
using System.Runtime.InteropServices;

namespace FaceSearch.IndexBench.Workers;

/// <summary>The system's clocks. Processor time leaves out what other processes of a shared machine take.</summary>
internal static partial class Clock
{
    private const int Monotonic = 1, ProcessCpu = 2, ThreadCpu = 3;

    public static double Wall => Read(Monotonic);
    public static double Process => Read(ProcessCpu);
    public static double Thread => Read(ThreadCpu);

    private static double Read(int clock)
    {
        _ = GetTime(clock, out Time time);
        return time.Seconds + (time.Nanoseconds * 1e-9);
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [SuppressGCTransition]
    private static partial int GetTime(int clock, out Time time);

    private struct Time
    {
        public long Seconds;
        public long Nanoseconds;
    }
}

/// <summary>Wall and processor time since it was made.</summary>
internal sealed class Timer
{
    private readonly double _wall = Clock.Wall, _cpu = Clock.Process;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"wall={Clock.Wall - _wall} cpu={Clock.Process - _cpu}");
}
