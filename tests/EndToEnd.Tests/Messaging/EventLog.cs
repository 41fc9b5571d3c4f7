using System.Collections.Concurrent;
using FaceSearch.Messages;
using MassTransit;

namespace FaceSearch.EndToEnd.Tests.Messaging;

/// <summary>A consumer beside the server, as a user would write one: it applies each event once, by its id, and counts all deliveries.</summary>
internal sealed class EventLog : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, object> _applied = new(StringComparer.Ordinal);
    private readonly IBusControl _bus;
    private readonly RabbitBroker _broker;
    private readonly string _queue;
    private int _deliveries;

    private EventLog(RabbitBroker broker, string queue)
    {
        (_broker, _queue) = (broker, queue);
        _bus = Bus.Factory.CreateUsingRabbitMq(rabbit =>
        {
            rabbit.Host("127.0.0.1", (ushort)broker.Port, "/", host => host.Heartbeat(TimeSpan.FromSeconds(5)));
            rabbit.ReceiveEndpoint(queue, endpoint =>
            {
                endpoint.PrefetchCount = 200;
                endpoint.Handler<IdentityEnrolled>(c => ApplyAsync(c.Message.EventId, c.Message));
                endpoint.Handler<IdentityErased>(c => ApplyAsync(c.Message.EventId, c.Message));
                endpoint.Handler<EnrolmentFinished>(c => ApplyAsync(c.Message.EventId, c.Message));
                endpoint.Handler<TrainingRequested>(c => ApplyAsync(c.Message.EventId, c.Message));
                endpoint.Handler<TrainingFinished>(c => ApplyAsync(c.Message.EventId, c.Message));
            });
        });
    }

    /// <summary>All deliveries, repeated ones too.</summary>
    public int Deliveries => Volatile.Read(ref _deliveries);

    public static async Task<EventLog> StartAsync(RabbitBroker broker)
    {
        EventLog log = new(broker, $"test-events-{Guid.NewGuid():n}");
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        await log._bus.StartAsync(limit.Token);
        return log;
    }

    public IReadOnlyList<T> Of<T>() => [.. _applied.Values.OfType<T>()];

    public Task WaitAsync<T>(Func<IReadOnlyList<T>, bool> enough, string otherwise) =>
        Until.TrueAsync(() => enough(Of<T>()), TimeSpan.FromMinutes(2), otherwise);

    /// <summary>Sends commands to the server's queue.</summary>
    public async Task SendAsync(IEnumerable<EnrolFace> commands)
    {
        ISendEndpoint endpoint = await _bus.GetSendEndpoint(new Uri($"queue:{EnrolFace.Queue}"));
        await Task.WhenAll(commands.Select(c => endpoint.Send(c)));
    }

    public async ValueTask DisposeAsync()
    {
        await _broker.EnsureAsync();
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(20));
        await _bus.StopAsync(limit.Token);
        await _broker.DeleteAsync(_queue, EnrolFace.Queue, $"{EnrolFace.Queue}_error", $"{EnrolFace.Queue}_skipped", "facesearch-model-published");
    }

    private Task ApplyAsync(string id, object message)
    {
        Interlocked.Increment(ref _deliveries);
        _applied.TryAdd(id, message);
        return Task.CompletedTask;
    }
}
