using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace FaceSearch.Grains.Tests.Replicas;

/// <summary>Listens to the counters of second requests (sent, won, refused) and of answers (shard, replica).</summary>
internal sealed class Hedges : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, long> _counts = new(StringComparer.Ordinal);

    public Hedges(string gallery)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name is "facesearch.hedges" or "facesearch.shard.answers")
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            Dictionary<string, object?> named = tags.ToArray().ToDictionary();
            if (Equals(named["gallery"], gallery))
                _counts.AddOrUpdate((string)(named.GetValueOrDefault("outcome") ?? named["from"])!, value, (_, old) => old + value);
        });
        _listener.Start();
    }

    public long Count(string what) => _counts.GetValueOrDefault(what);

    public override string ToString() => string.Join(", ", _counts.Select(c => $"{c.Key} {c.Value}"));

    public void Dispose() => _listener.Dispose();
}
