using System.Diagnostics;

namespace FaceSearch.ServerBench.Cluster.Traces;

/// <summary>Requests one at a time to servers that export every span.</summary>
internal static class TraceRun
{
    private static readonly TimeSpan ExportLimit = TimeSpan.FromSeconds(30);

    /// <summary>Between two requests: exporting is the servers' work, too, and is not to fall into the next request.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public static async Task<List<RequestTrace>> RunAsync(Door door, Workload load, int count, Collector collector, CancellationToken cancellation)
    {
        List<(long Start, long End, double Ms)> sent = [];
        for (int i = -count; i < count; i++)
        {
            long start = Now();
            long began = Stopwatch.GetTimestamp();
            (int status, byte[] answer) = await door.Client.IdentifyAsync(ClusterSettings.Gallery, load[i].Body, cancellation);
            double took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            ServerClient.Ensure(status, answer);
            if (i >= 0)
                sent.Add((start, Now(), took));
            await Task.Delay(Pause, cancellation);
        }
        // Processes export by themselves, a second later at most.
        Stopwatch waited = Stopwatch.StartNew();
        while (true)
        {
            await Task.Delay(500, cancellation);
            List<RequestTrace> traces = Match(collector.Spans(), sent);
            if (traces.Count == count || (waited.Elapsed > ExportLimit && traces.Count > count / 2))
                return traces;
            if (waited.Elapsed > ExportLimit)
                throw new TimeoutException($"{traces.Count} of {count} traces are complete. Spans are named {string.Join(", ", collector.Spans().Select(s => s.Name).Distinct())}.");
        }
    }

    private static List<RequestTrace> Match(List<Span> spans, List<(long Start, long End, double Ms)> sent)
    {
        ILookup<string, Span> traces = spans.ToLookup(s => s.Trace);
        List<RequestTrace> found = [];
        foreach (Span request in spans.Where(RequestTrace.IsRequest))
        {
            if (sent.FirstOrDefault(s => s.Start <= request.Start && request.Start <= s.End) is { Ms: > 0 } own && RequestTrace.Of([.. traces[request.Trace]], own.Ms) is { } trace)
                found.Add(trace);
        }
        return found;
    }

    /// <summary>Nanoseconds since 1970.</summary>
    private static long Now() => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
}
