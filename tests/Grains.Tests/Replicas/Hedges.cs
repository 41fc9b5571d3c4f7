using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace FaceSearch.Grains.Tests.Replicas;

/// <summary>Listens to the counter of second requests.</summary>
internal sealed class Hedges : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, long> _counts = new(StringComparer.Ordinal);

    public Hedges(string gallery)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "facesearch.hedges")
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            Dictionary<string, object?> named = tags.ToArray().ToDictionary();
            if (Equals(named["gallery"], gallery))
                _counts.AddOrUpdate((string)named["outcome"]!, value, (_, old) => old + value);
        });
        _listener.Start();
    }

    public long Count(string outcome) => _counts.GetValueOrDefault(outcome);

    public override string ToString() => string.Join(", ", _counts.Select(c => $"{c.Key} {c.Value}"));

    public void Dispose() => _listener.Dispose();
}
