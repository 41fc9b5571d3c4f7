using FaceSearch.Messages;

namespace FaceSearch.Grains.Reembedding;

/// <summary>Hands a re-embedding's news to the message broker; like <see cref="IEventPublisher"/>, never waited for by a request.</summary>
public interface IReembeddingEvents
{
    Task PublishAsync(ReembeddingProgressed progressed);

    Task PublishAsync(ModelActivated activated);
}

/// <summary>For hosts without a broker.</summary>
public sealed class NoReembeddingEvents : IReembeddingEvents
{
    public Task PublishAsync(ReembeddingProgressed progressed) => Task.CompletedTask;

    public Task PublishAsync(ModelActivated activated) => Task.CompletedTask;
}
