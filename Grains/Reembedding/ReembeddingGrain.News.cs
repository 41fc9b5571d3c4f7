using FaceSearch.Messages;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Grains.Reembedding;

/// <summary>What a re-embedding tells the world.</summary>
public sealed partial class ReembeddingGrain
{
    /// <summary>Publishes the stored activations; what the broker does not confirm stays.</summary>
    internal async Task PublishAsync()
    {
        try
        {
            while (state.State.Outbox is [var next, ..])
            {
                await services.Events.PublishAsync(new ModelActivated(next.EventId, Gallery, next.Model, next.Generation, next.Previous, next.At));
                if (state.State.Outbox.Remove(next))
                    await SaveAsync();
            }
        }
#pragma warning disable CA1031 // a broker that is away must not stop a switch; the sweep tries again
        catch (Exception e)
#pragma warning restore CA1031
        {
            LogNotPublished(e.GetType().Name, Gallery);
        }
    }

    internal async Task AnnounceAsync()
    {
        try
        {
            ReembeddingState s = state.State;
            await services.Events.PublishAsync(new ReembeddingProgressed(Guid.NewGuid().ToString("n"), Gallery, s.Phase.ToString()!, s.NewModel, s.Moved, s.Total, services.Time.GetUtcNow()));
            s.ToAnnounce = false;
        }
#pragma warning disable CA1031 // as above; the announcement stays in the state and is tried again
        catch (Exception e)
#pragma warning restore CA1031
        {
            LogNotPublished(e.GetType().Name, Gallery);
        }
    }

    [LoggerMessage(LogLevel.Debug, "News of the re-embedding of gallery {Gallery} could not be published ({Kind}); it is tried again.")]
    private partial void LogNotPublished(string kind, string gallery);
}
