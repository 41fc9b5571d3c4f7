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
    public static async Task<LongHistogram> RunAsync(int rate, int seconds, Func<int, Task> request) =>
        Histogram(await RunAsync([.. Enumerable.Range(0, rate * seconds).Select(i => (double)i / rate)], request));

    /// <summary>Milliseconds that each request took from when it was due.</summary>
    /// <param name="due">When each request is due, in seconds from the start, ascending.</param>
    /// <param name="request">Sends request number i; throws where the answer is wrong.</param>
    public static async Task<double[]> RunAsync(double[] due, Func<int, Task> request)
    {
        long[] took = new long[due.Length];
        Task[] sent = new Task[due.Length];
        var pacer = new Thread(() => Pace(due, took, sent, request)) { Name = "pacer", Priority = ThreadPriority.Highest };
        pacer.Start();
        await Task.Run(pacer.Join);
        await Task.WhenAll(sent);
        return Array.ConvertAll(took, ticks => 1e3 * ticks / Stopwatch.Frequency);
    }

    /// <summary>When the requests of a Poisson process are due, in seconds.</summary>
    public static double[] Poisson(double rate, double seconds, Random random)
    {
        List<double> due = [];
        for (double at = 0; (at -= Math.Log(1 - random.NextDouble()) / rate) < seconds;)
            due.Add(at);
        return [.. due];
    }

    /// <summary>Milliseconds as a histogram of microseconds.</summary>
    public static LongHistogram Histogram(IEnumerable<double> milliseconds)
    {
        var histogram = new LongHistogram(600_000_000, 3);
        foreach (double ms in milliseconds)
            histogram.RecordValue((long)(1000 * ms));
        return histogram;
    }

    private static void Pace(double[] due, long[] took, Task[] sent, Func<int, Task> request)
    {
        long start = Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 10);
        for (int i = 0; i < sent.Length; i++)
        {
            long at = start + (long)(due[i] * Stopwatch.Frequency);
            SleepUntil(at);
            sent[i] = SendAsync(i, at, took, request);
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
