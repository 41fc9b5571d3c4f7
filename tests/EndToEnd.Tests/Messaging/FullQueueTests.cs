using System.Diagnostics;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Durability;
using FaceSearch.EndToEnd.Tests.Server;
using RabbitMQ.Client;

namespace FaceSearch.EndToEnd.Tests.Messaging;

/// <summary>A consumer's queue with a length limit that rejects what does not fit: the broker is there, and takes nothing.</summary>
[Collection(BrokerTests.Name)]
public sealed class FullQueueTests(RabbitBroker broker)
{
    private const int Places = 10, People = 40;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private const string Queue = "test-full", Exchange = "FaceSearch.Messages:IdentityEnrolled";

    [Fact]
    public async Task Enrolment_and_identification_go_on_while_a_queue_is_full_and_every_event_comes_when_there_is_room()
    {
        broker.Need();
        await using ServerProcess server = await ServerProcess.StartAsync(null, broker.Options);
        await using IConnection connection = await broker.Factory().CreateConnectionAsync(TestContext.Current.CancellationToken);
        await using IChannel channel = await connection.CreateChannelAsync(cancellationToken: TestContext.Current.CancellationToken);
        try
        {
            await channel.ExchangeDeclareAsync(Exchange, ExchangeType.Fanout, durable: true, cancellationToken: TestContext.Current.CancellationToken);
            await channel.QueueDeclareAsync(Queue, durable: true, exclusive: false, autoDelete: false,
                new Dictionary<string, object?> { ["x-max-length"] = Places, ["x-overflow"] = "reject-publish" }, cancellationToken: TestContext.Current.CancellationToken);
            await channel.QueueBindAsync(Queue, Exchange, "", cancellationToken: TestContext.Current.CancellationToken);
            await server.CreateGalleryAsync("full");
            for (int person = 0; person < People; person++)
            {
                await server.EnrolAsync("full", Api.Name(person), Synthetic.Face(person));
                JsonElement answer = await server.IdentifyAsync("full", Synthetic.Face(person));
                answer.GetProperty("results")[0].GetProperty("candidates")[0].GetProperty("identity").GetString().ShouldBe(Api.Name(person));
            }
            await Until.TrueAsync(async () => await broker.DepthAsync(Queue) >= Places, TimeSpan.FromSeconds(30), "The queue did not fill.");
            await server.WaitAsync(async () => await EnrolFaceTests.HealthAsync(server) == "degraded", TimeSpan.FromSeconds(30));
            Dictionary<string, string> applied = [];
            int deliveries = 0;
            Stopwatch waited = Stopwatch.StartNew();
            while (applied.Count < People)
            {
                waited.Elapsed.ShouldBeLessThan(Limit, $"{applied.Count} of {People} events came, in {deliveries} deliveries: {string.Join(' ', applied.Keys)}\n{server.Output}");
                if (await channel.BasicGetAsync(Queue, autoAck: true, TestContext.Current.CancellationToken) is not { } delivery)
                {
                    await Task.Delay(50, TestContext.Current.CancellationToken);
                    continue;
                }
                JsonElement message = JsonDocument.Parse(delivery.Body).RootElement.GetProperty("message");
                applied[message.GetProperty("eventId").GetString()!] = message.GetProperty("identity").GetString()!;
                deliveries++;
            }
            applied.Values.Order().ShouldBe(Enumerable.Range(0, People).Select(Api.Name).Order());
            await server.WaitAsync(async () => await EnrolFaceTests.HealthAsync(server) == "healthy", TimeSpan.FromSeconds(60));
            TestContext.Current.TestOutputHelper!.WriteLine($"{deliveries} deliveries of {People} events");
        }
        finally
        {
            await broker.DeleteAsync(Queue);
        }
    }
}
