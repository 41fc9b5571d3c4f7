using FaceSearch.Grains;
using MassTransit;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace FaceSearch.Silo.Messaging;

/// <summary>Whether the broker answers. Degraded at worst: what must be published waits, and nothing else needs it.</summary>
internal sealed class MessagesCheck(IBusControl bus, IEventPublisher publisher, IOptions<MessagingOptions> options) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (options.Value.Transport == MessageTransport.InMemory)
            return Task.FromResult(HealthCheckResult.Healthy("in memory"));
        MessagingOptions o = options.Value;
        bool connected = bus.CheckHealth().Status == BusHealthStatus.Healthy && publisher is not EventPublisher { IsAway: true };
        return Task.FromResult(connected
            ? HealthCheckResult.Healthy($"RabbitMQ at {o.Host}:{o.EffectivePort}")
            : HealthCheckResult.Degraded($"RabbitMQ at {o.Host}:{o.EffectivePort} does not answer. Events wait in their outboxes and are sent when it is back; enrolment and identification go on."));
    }
}
