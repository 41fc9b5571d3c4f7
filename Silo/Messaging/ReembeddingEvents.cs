using FaceSearch.Grains.Reembedding;
using FaceSearch.Messages;
using MassTransit;

namespace FaceSearch.Silo.Messaging;

/// <summary>Publishes a re-embedding's news.</summary>
internal sealed class ReembeddingEvents(IBus bus) : IReembeddingEvents
{
    public Task PublishAsync(ReembeddingProgressed progressed) => bus.Publish(progressed);

    public Task PublishAsync(ModelActivated activated) => bus.Publish(activated);
}
