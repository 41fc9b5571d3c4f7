using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace FaceSearch.Gateway.Telemetry;

/// <summary>What the gateway counts, as OpenTelemetry instruments; /metrics shows them for Prometheus.</summary>
internal sealed class GatewayMetrics : IDisposable
{
    /// <summary>Name of the meter; every meter of FaceSearch starts with <c>FaceSearch</c>.</summary>
    public const string MeterName = "FaceSearch.Gateway";

    private readonly Meter _meter;
    private readonly Histogram<double> _identify;
    private readonly Histogram<double> _index;
    private readonly Histogram<double> _analyse;
    private readonly Histogram<double> _embed;
    private readonly Counter<long> _decisions;
    private readonly Counter<long> _enrolments;
    private readonly Counter<long> _rejections;
    private readonly UpDownCounter<long> _bulkInFlight;
    private readonly UpDownCounter<long> _imageQueue;

    public GatewayMetrics(IMeterFactory meters)
    {
        _meter = meters.Create(MeterName);
        double[] seconds = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
        InstrumentAdvice<double> buckets = new() { HistogramBucketBoundaries = seconds };
        _identify = _meter.CreateHistogram("facesearch.identify.duration", "s", "Identification of one face, as the gateway sees it", advice: buckets);
        _index = _meter.CreateHistogram("facesearch.identify.index.duration", "s", "The slowest shard's own search time", advice: buckets);
        _analyse = _meter.CreateHistogram("facesearch.image.analyse.duration", "s", "Decoding, detection and alignment of one image, with its wait", advice: buckets);
        _embed = _meter.CreateHistogram("facesearch.embed.duration", "s", "Embedding of one image's faces, with the wait for a batch", advice: buckets);
        _decisions = _meter.CreateCounter<long>("facesearch.identify.decisions", description: "Answers by decision");
        _enrolments = _meter.CreateCounter<long>("facesearch.enrolments", description: "Enrolments by outcome");
        _rejections = _meter.CreateCounter<long>("facesearch.rejections", description: "Problems answered, by type and reason");
        _bulkInFlight = _meter.CreateUpDownCounter<long>("facesearch.bulk.in_flight", description: "Bulk items being enrolled");
        _imageQueue = _meter.CreateUpDownCounter<long>("facesearch.image.queue", description: "Images waiting for or in analysis");
    }

    public void Identified(Decision decision, TimeSpan took, double indexMicroseconds)
    {
        _identify.Record(took.TotalSeconds);
        _index.Record(indexMicroseconds / 1e6);
        _decisions.Add(1, new KeyValuePair<string, object?>("decision", Name(decision)));
    }

    public void Analysed(TimeSpan took) => _analyse.Record(took.TotalSeconds);

    public void Embedded(TimeSpan took) => _embed.Record(took.TotalSeconds);

    public void Enrolled(string outcome) => _enrolments.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    public void Rejected(string problem, string? reason) => _rejections.Add(1, new TagList { { "problem", problem }, { "reason", reason ?? "" } });

    public void BulkInFlight(int change) => _bulkInFlight.Add(change);

    public void ImageQueue(int change) => _imageQueue.Add(change);

    public void Dispose() => _meter.Dispose();

    private static string Name(Decision decision) => decision switch
    {
        Decision.Match => "match",
        Decision.Ambiguous => "ambiguous",
        _ => "unknown",
    };
}
