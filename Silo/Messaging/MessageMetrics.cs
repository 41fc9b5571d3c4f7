using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using MassTransit;

namespace FaceSearch.Silo.Messaging;

/// <summary>What goes through the broker, by kind of message and queue.</summary>
internal sealed class MessageMetrics : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _published, _failed, _consumed, _faulted;
    private readonly ConcurrentDictionary<string, long> _errorDepths = new(StringComparer.Ordinal);

    public MessageMetrics(IMeterFactory meters)
    {
        _meter = meters.Create("FaceSearch.Messages");
        _published = _meter.CreateCounter<long>("facesearch.messages.published", description: "Messages that the broker has confirmed");
        _failed = _meter.CreateCounter<long>("facesearch.messages.publish_failures", description: "Publications that the broker did not confirm; they are tried again");
        _consumed = _meter.CreateCounter<long>("facesearch.messages.consumed", description: "Messages that were worked on to the end");
        _faulted = _meter.CreateCounter<long>("facesearch.messages.faulted", description: "Messages that went to an error queue");
        _meter.CreateObservableGauge("facesearch.messages.error_queue.depth",
            () => _errorDepths.Select(q => new Measurement<long>(q.Value, new KeyValuePair<string, object?>("queue", q.Key))), description: "Messages in an error queue");
    }

    public void Published(string message) => _published.Add(1, new KeyValuePair<string, object?>("message", message));

    public void PublishFailed(string message) => _failed.Add(1, new KeyValuePair<string, object?>("message", message));

    public void Consumed(string message) => _consumed.Add(1, new KeyValuePair<string, object?>("message", message));

    public void Faulted(string queue) => _faulted.Add(1, new KeyValuePair<string, object?>("queue", queue));

    public void ErrorDepth(string queue, long depth) => _errorDepths[queue] = depth;

    public void Dispose() => _meter.Dispose();
}

/// <summary>Counts what the receive endpoints did.</summary>
internal sealed class MessageObserver(MessageMetrics metrics) : IReceiveObserver
{
    public Task PreReceive(ReceiveContext context) => Task.CompletedTask;

    public Task PostReceive(ReceiveContext context) => Task.CompletedTask;

    public Task PostConsume<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType) where T : class
    {
        metrics.Consumed(typeof(T).Name);
        return Task.CompletedTask;
    }

    /// <summary>After the last retry.</summary>
    public Task ConsumeFault<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType, Exception exception) where T : class => FaultedAsync(context.ReceiveContext);

    /// <summary>Before any consumer: what cannot be read.</summary>
    public Task ReceiveFault(ReceiveContext context, Exception exception) => FaultedAsync(context);

    private Task FaultedAsync(ReceiveContext context)
    {
        metrics.Faulted(context.InputAddress.AbsolutePath.Split('/')[^1]);
        return Task.CompletedTask;
    }
}
