using System.Diagnostics;
using System.Runtime.InteropServices;
using HdrHistogram;

namespace FaceSearch.ServerBench;

/// <summary>
/// Requests at fixed times, whether or not earlier ones are answered. Latency counts from when a request was due, not from
/// when it was sent, so that a stall charges every request that it delays ("coordinated omission", Tene).
/// </summary>
internal static partial class OpenLoop
{
    /// <summary>Latencies in microseconds.</summary>
    /// <param name="rate">Requests a second.</param>
    /// <param name="seconds">Length.</param>
    /// <param name="request">Sends request number i; throws where the answer is wrong.</param>
    public static async Task<LongHistogram> RunAsync(int rate, int seconds, Func<int, Task> request)
    {
        int count = rate * seconds;
        long[] took = new long[count];
        Task[] sent = new Task[count];
        var pacer = new Thread(() => Pace(rate, took, sent, request)) { Name = "pacer", Priority = ThreadPriority.Highest };
        pacer.Start();
        await Task.Run(pacer.Join);
        await Task.WhenAll(sent);
        var histogram = new LongHistogram(600_000_000, 3);
        foreach (long ticks in took)
            histogram.RecordValue((long)(1e6 * ticks / Stopwatch.Frequency));
        return histogram;
    }

    private static void Pace(int rate, long[] took, Task[] sent, Func<int, Task> request)
    {
        long start = Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 10);
        for (int i = 0; i < sent.Length; i++)
        {
            long due = start + (long)((double)i * Stopwatch.Frequency / rate);
            SleepUntil(due);
            sent[i] = SendAsync(i, due, took, request);
        }
    }

    private static async Task SendAsync(int i, long due, long[] took, Func<int, Task> request)
    {
        await request(i);
        took[i] = Stopwatch.GetTimestamp() - due;
    }

    /// <summary>Thread.Sleep is late by up to a millisecond, and spinning would take a core from the server.</summary>
    private static void SleepUntil(long due)
    {
        if (!OperatingSystem.IsLinux())
        {
            while (Stopwatch.GetTimestamp() < due)
                Thread.Sleep(1);
            return;
        }
        long left;
        while ((left = due - Stopwatch.GetTimestamp()) > 0)
        {
            TimeSpec wait = new() { Seconds = (nint)(left / 1_000_000_000), Nanoseconds = (nint)(left % 1_000_000_000) };
            _ = NanoSleep(wait, 0);
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    private static partial int NanoSleep(in TimeSpec wait, nint rest);
}
