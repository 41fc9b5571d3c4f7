using FaceSearch.Storage;

namespace FaceSearch.Grains;

/// <summary>
/// Hands committed events to the message broker. Called from background work only: enrol and identify never wait for it. A
/// failure leaves the event in the outbox, and it is tried again.
/// </summary>
public interface IEventPublisher
{
    /// <summary>A shard's committed event.</summary>
    Task PublishAsync(ShardId shard, OutboxEvent committed);

    /// <summary>A message of <c>FaceSearch.Messages</c> from another outbox.</summary>
    Task PublishAsync<T>(T message) where T : class;
}
