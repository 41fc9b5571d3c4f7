using FaceSearch.Storage;

namespace FaceSearch.Grains;

/// <summary>
/// Hands committed events to the message broker. Called from background work only: enrol and identify never wait for it. A
/// failure leaves the event in the outbox, and it is tried again. A returned task means that the broker has confirmed the message.
/// </summary>
public interface IEventPublisher
{
    /// <summary>A shard's committed event.</summary>
    Task PublishAsync(ShardId shard, OutboxEvent committed);

    /// <summary>A message of <c>FaceSearch.Messages</c> from another outbox.</summary>
    Task PublishAsync<T>(T message) where T : class;
}

/// <summary>The broker is away, or did not confirm in time. Said once in the log by the publisher; those who meet it only wait.</summary>
public sealed class BrokerUnavailableException(string message, Exception? cause = null) : Exception(message, cause);
