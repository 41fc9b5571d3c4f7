using FaceSearch.Messages;
using MassTransit;

namespace FaceSearch.Silo.Messaging;

/// <summary>
/// Offers a published model to the galleries that may follow it. It only asks: the work is the re-embedding's own. A gallery answers the
/// same event once, so a repeated delivery changes nothing.
/// </summary>
internal sealed class ModelPublishedConsumer(IGrainFactory grains) : IConsumer<ModelPublished>
{
    public async Task Consume(ConsumeContext<ModelPublished> context)
    {
        ModelPublished published = context.Message;
        IReadOnlyList<string> galleries = published.Gallery is { } one ? [one] : await grains.GetGrain<IGalleryDirectoryGrain>(IGalleryDirectoryGrain.Key).ListAsync();
        foreach (string gallery in galleries)
            await grains.GetGrain<IReembeddingGrain>(gallery).OfferAsync(published.EventId, published.Model, published.Replaces);
    }
}
