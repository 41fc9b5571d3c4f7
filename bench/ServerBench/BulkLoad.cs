using System.Diagnostics;
using FaceSearch.Http;

namespace FaceSearch.ServerBench;

/// <summary>What a load cost.</summary>
internal sealed record BulkCost(long Enrolled, long Items, double Seconds, double ServerSeconds, double ClientSeconds, long BytesWritten);

/// <summary>Enrols templates through bulk requests of at most <see cref="PerRequest"/> items.</summary>
internal static class BulkLoad
{
    /// <summary>An HTTP/1.1 client reads answers after it has sent everything; the server keeps so many for it.</summary>
    private const int PerRequest = 50_000;

    public static async Task<BulkCost> RunAsync(
        Server server, string gallery, Templates templates, int from, int to, ConflictPolicy onConflict, int streams, CancellationToken cancellation)
    {
        using var self = Process.GetCurrentProcess();
        TimeSpan serverBefore = server.Process.ProcessorTime, clientBefore = self.TotalProcessorTime;
        long written = server.Process.BytesWritten, start = Stopwatch.GetTimestamp();
        int size = Math.Min(PerRequest, (to - from + streams - 1) / streams), next = from;
        long enrolled = 0, items = 0;
        await Task.WhenAll(Enumerable.Range(0, streams).Select(async _ =>
        {
            while (true)
            {
                int begin = Interlocked.Add(ref next, size) - size;
                if (begin >= to)
                    return;
                using HttpContent body = templates.Bulk(begin, Math.Min(to, begin + size), onConflict);
                BulkSummary summary = await server.Client.BulkAsync(gallery, body, cancellation);
                Interlocked.Add(ref enrolled, summary.Templates);
                Interlocked.Add(ref items, summary.Items);
            }
        }));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        self.Refresh();
        return new(enrolled, items, seconds, (server.Process.ProcessorTime - serverBefore).TotalSeconds,
            (self.TotalProcessorTime - clientBefore).TotalSeconds, server.Process.BytesWritten - written);
    }
}
