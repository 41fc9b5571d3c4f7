using FaceSearch.Gateway;
using FaceSearch.Grains;
using FaceSearch.Messages;
using FaceSearch.Silo.Hosting;
using MassTransit;
using Microsoft.Extensions.Options;

namespace FaceSearch.Silo.Messaging;

/// <summary>The broker: MassTransit's in-memory transport, or RabbitMQ. Nothing on the enrol or identify path waits for it.</summary>
internal static class MessagingHosting
{
    /// <summary>Short: what fails after them lies in the error queue.</summary>
    private static readonly TimeSpan[] Retries = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(15)];

    public static void AddMessaging(this WebApplicationBuilder builder, SiloRole role)
    {
        // The library would report its usage to its authors; a server of biometrics calls nobody.
        Environment.SetEnvironmentVariable("MASSTRANSIT_USAGE_TELEMETRY", "false");
        IConfigurationSection section = builder.Configuration.GetSection(MessagingOptions.Section);
        builder.Services.AddOptions<MessagingOptions>().Bind(section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<MessagingOptions>, MessagingValidation>();
        bool rabbit = section.GetValue<MessageTransport>(nameof(MessagingOptions.Transport)) == MessageTransport.RabbitMq;
        if (role == SiloRole.Gateway && !rabbit)
            return;
        builder.Services.AddMassTransit(bus =>
        {
            bus.DisableUsageTelemetry();
            bus.SetEndpointNameFormatter(new KebabCaseEndpointNameFormatter("facesearch", includeNamespace: false));
            // Pictures are read where the HTTP API is; models are offered where the galleries are.
            if (role != SiloRole.Gateway)
                bus.AddConsumer<ModelPublishedConsumer>();
            if (role != SiloRole.Silo)
                bus.AddConsumer<EnrolFaceConsumer>();
            bus.AddReceiveObserver<MessageObserver>();
            // A check of our own says the same in our words, and never makes the server unready. (Without any tag it would get "ready".)
            bus.ConfigureHealthCheckOptions(check =>
            {
                check.Tags.Clear();
                check.Tags.Add("transport");
            });
            if (rabbit)
                bus.UsingRabbitMq(Configure);
            else
                bus.UsingInMemory(Configure);
        });
        builder.Services.AddSingleton<MessageMetrics>();
        builder.Services.AddSingleton<ImageReferences>();
        builder.Services.AddSingleton<IEventPublisher, EventPublisher>();
        builder.Services.AddHealthChecks().AddCheck<MessagesCheck>("messages", tags: [GatewayHosting.ReadyTag]);
        if (rabbit)
            builder.Services.AddHostedService<ErrorQueues>();
    }

    private static void Configure(IBusRegistrationContext context, IInMemoryBusFactoryConfigurator memory) => Consume(context, memory);

    private static void Configure(IBusRegistrationContext context, IRabbitMqBusFactoryConfigurator rabbit)
    {
        MessagingOptions options = context.GetRequiredService<IOptions<MessagingOptions>>().Value;
        rabbit.Host(options.Host, options.EffectivePort, options.VirtualHost, "FaceSearch", host =>
        {
            host.Username(options.Username);
            host.Password(options.EffectivePassword());
            host.Heartbeat(options.Heartbeat);
            host.RequestedConnectionTimeout(TimeSpan.FromSeconds(5));
            host.PublisherConfirmation = true;
            if (options.Tls)
                host.UseSsl(tls => tls.ServerName = options.Host);
        });
        rabbit.PrefetchCount = (ushort)options.Prefetch;
        Consume(context, rabbit);
    }

    private static void Consume<T>(IBusRegistrationContext context, IBusFactoryConfigurator<T> configurator) where T : IReceiveEndpointConfigurator
    {
        configurator.ConcurrentMessageLimit = context.GetRequiredService<IOptions<MessagingOptions>>().Value.Concurrency;
        configurator.UseMessageRetry(retry =>
        {
            retry.Intervals(Retries);
            retry.Ignore<PoisonMessageException>();
        });
        configurator.ConfigureEndpoints(context);
    }
}

/// <summary>Refuses wrong options at the start, by name.</summary>
internal sealed class MessagingValidation : IValidateOptions<MessagingOptions>
{
    public ValidateOptionsResult Validate(string? name, MessagingOptions options) =>
        options.Fault() is { } fault ? ValidateOptionsResult.Fail(fault) : ValidateOptionsResult.Success;
}
