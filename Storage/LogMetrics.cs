using System.Diagnostics.Metrics;

namespace FaceSearch.Storage;

/// <summary>What the template logs' writers count. Every provider calls it once a transaction.</summary>
internal static class LogMetrics
{
    private static readonly Meter s_meter = new("FaceSearch.Storage");

    private static readonly Histogram<long> s_group = s_meter.CreateHistogram<long>("facesearch.log.group.size", description: "Changes that shared one transaction and flush",
        advice: new InstrumentAdvice<long> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] });

    /// <summary>A transaction with so many changes is durable.</summary>
    public static void Committed(int changes) => s_group.Record(changes);
}
