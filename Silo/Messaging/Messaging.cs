using System.Globalization;
using FaceSearch.Grains;
using FaceSearch.Messages;
using FaceSearch.Storage;
using MassTransit;

namespace FaceSearch.Silo.Messaging;

/// <summary>The broker. In one process it is MassTransit's in-memory transport; nothing on the enrol or identify path waits for it.</summary>
internal static class MessagingHosting
{
    /// <summary>Short: what fails after them lies in the error queue, and what it asked for is asked for again by a command.</summary>
    private static readonly TimeSpan[] Retries = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(15)];

    public static void AddMessaging(this WebApplicationBuilder builder)
    {
        // The library would report its usage to its authors; a server of biometrics calls nobody.
        Environment.SetEnvironmentVariable("MASSTRANSIT_USAGE_TELEMETRY", "false");
        builder.Services.AddMassTransit(bus =>
        {
            bus.AddConsumer<ModelPublishedConsumer>();
            bus.UsingInMemory((context, memory) =>
            {
                memory.UseMessageRetry(retry => retry.Intervals(Retries));
                memory.ConfigureEndpoints(context);
            });
        });
        builder.Services.AddSingleton<IEventPublisher, MassTransitEventPublisher>();
    }
}

/// <summary>Publishes a shard's committed events; ids only, never embeddings.</summary>
internal sealed class MassTransitEventPublisher(IBus bus) : IEventPublisher
{
    public Task PublishAsync<T>(T message) where T : class => bus.Publish(message);

    public Task PublishAsync(ShardId shard, OutboxEvent committed)
    {
        string eventId = string.Create(CultureInfo.InvariantCulture, $"{shard}/{committed.Lsn}");
        return committed.Kind switch
        {
            OutboxKind.Enrolled => bus.Publish(new IdentityEnrolled(
                eventId, shard.Gallery, committed.Identity, committed.Templates.Select(t => t.ToString()).ToArray(), shard.Generation, committed.At)),
            OutboxKind.Erased => bus.Publish(new IdentityErased(eventId, shard.Gallery, committed.Identity, committed.Templates.Count, committed.At)),
            _ => throw new ArgumentOutOfRangeException(nameof(committed), committed.Kind, "Unknown kind of event."),
        };
    }
}
