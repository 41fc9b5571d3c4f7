using System.Globalization;
using FaceSearch.Grains;
using FaceSearch.Messages;
using FaceSearch.Storage;
using MassTransit;
using Microsoft.Extensions.Options;

namespace FaceSearch.Silo.Messaging;

/// <summary>
/// Publishes events (ids only, never embeddings) and waits for the broker's confirmation, within limits: a broker that is away fails the
/// first publication after <see cref="MessagingOptions.PublishTimeout"/> and all others at once, until a pause is over.
/// </summary>
internal sealed partial class EventPublisher(
    IBus bus, IOptions<MessagingOptions> options, MessageMetrics metrics, TimeProvider time, ILogger<EventPublisher> logger) : IEventPublisher
{
    private long _awayUntil;
    private int _away;

    /// <summary>Whether the last publication failed.</summary>
    public bool IsAway => Volatile.Read(ref _away) == 1;

    public async Task PublishAsync<T>(T message) where T : class
    {
        if (time.GetUtcNow().UtcTicks < Volatile.Read(ref _awayUntil))
            throw new BrokerUnavailableException("The broker did not answer a moment ago.");
        using CancellationTokenSource limit = new(options.Value.PublishTimeout);
        try
        {
            await bus.Publish(message, limit.Token).WaitAsync(limit.Token);
        }
#pragma warning disable CA1031 // whatever the transport throws, the event stays in its outbox
        catch (Exception e)
#pragma warning restore CA1031
        {
            Volatile.Write(ref _awayUntil, (time.GetUtcNow() + options.Value.PublishPause).UtcTicks);
            metrics.PublishFailed(typeof(T).Name);
            if (Interlocked.Exchange(ref _away, 1) == 0)
                LogAway(e.GetType().Name);
            throw new BrokerUnavailableException("The broker did not confirm the message.", e);
        }
        metrics.Published(typeof(T).Name);
        if (Interlocked.Exchange(ref _away, 0) == 1)
            LogBack();
    }

    public Task PublishAsync(ShardId shard, OutboxEvent committed)
    {
        string eventId = string.Create(CultureInfo.InvariantCulture, $"{shard}/{committed.Lsn}");
        return committed.Kind switch
        {
            OutboxKind.Enrolled => PublishAsync(new IdentityEnrolled(
                eventId, shard.Gallery, committed.Identity, committed.Templates.Select(t => t.ToString()).ToArray(), shard.Generation, committed.At)),
            OutboxKind.Erased => PublishAsync(new IdentityErased(eventId, shard.Gallery, committed.Identity, committed.Templates.Count, committed.At)),
            _ => throw new ArgumentOutOfRangeException(nameof(committed), committed.Kind, "Unknown kind of event."),
        };
    }

    [LoggerMessage(LogLevel.Warning, "The broker does not take messages ({Kind}). Events wait in their outboxes; enrolment and identification go on.")]
    private partial void LogAway(string kind);

    [LoggerMessage(LogLevel.Information, "The broker takes messages again.")]
    private partial void LogBack();
}
