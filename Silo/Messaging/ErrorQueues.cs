using FaceSearch.Messages;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace FaceSearch.Silo.Messaging;

/// <summary>Looks up how many messages lie in the error queues.</summary>
internal sealed class ErrorQueues(IOptions<MessagingOptions> options, MessageMetrics metrics, TimeProvider time, ILogger<ErrorQueues> logger) : BackgroundService
{
    public static readonly string[] Names = [$"{EnrolFace.Queue}_error", "facesearch-model-published_error"];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        foreach (string queue in Names)
            metrics.ErrorDepth(queue, 0);
        using PeriodicTimer timer = new(options.Value.ErrorQueueCheck, time);
        do
        {
            try
            {
                await LookAsync(stoppingToken);
            }
#pragma warning disable CA1031 // whatever the broker does: the next look may find it in order
            catch (Exception e)
#pragma warning restore CA1031
            {
                logger.LogDebug("The error queues could not be looked at ({Kind}).", e.GetType().Name);
            }
        }
        while (!stoppingToken.IsCancellationRequested && await WaitAsync(timer, stoppingToken));
    }

    private async Task LookAsync(CancellationToken cancellation)
    {
        MessagingOptions o = options.Value;
        ConnectionFactory factory = new()
        {
            HostName = o.Host,
            Port = o.EffectivePort,
            VirtualHost = o.VirtualHost,
            UserName = o.Username,
            Password = o.EffectivePassword(),
            AutomaticRecoveryEnabled = false,
            RequestedConnectionTimeout = TimeSpan.FromSeconds(5),
            ContinuationTimeout = TimeSpan.FromSeconds(5),
            ClientProvidedName = "FaceSearch error queues",
            Ssl = new SslOption(o.Host, enabled: o.Tls),
        };
        await using IConnection connection = await factory.CreateConnectionAsync(cancellation);
        foreach (string queue in Names)
            metrics.ErrorDepth(queue, await DepthAsync(connection, queue, cancellation));
    }

    /// <summary>A queue that is not there yet has no messages; asking for it costs the channel.</summary>
    private static async Task<long> DepthAsync(IConnection connection, string queue, CancellationToken cancellation)
    {
        await using IChannel channel = await connection.CreateChannelAsync(cancellationToken: cancellation);
        try
        {
            return (await channel.QueueDeclarePassiveAsync(queue, cancellation)).MessageCount;
        }
        catch (OperationInterruptedException e) when (e.ShutdownReason?.ReplyCode == 404)
        {
            return 0;
        }
    }

    private static async Task<bool> WaitAsync(PeriodicTimer timer, CancellationToken stopping)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stopping);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
