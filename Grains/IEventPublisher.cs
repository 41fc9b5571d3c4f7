using FaceSearch.Storage;

namespace FaceSearch.Grains;

/// <summary>
/// Hands committed events to the message broker. Called from background work only: enrol and identify never wait for it. A
/// failure leaves the event in the outbox, and it is tried again.
/// </summary>
public interface IEventPublisher
{
    Task PublishAsync(ShardId shard, OutboxEvent committed);
}
