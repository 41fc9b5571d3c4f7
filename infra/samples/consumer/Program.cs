using System.Runtime.InteropServices;
using FaceSearch.Messages;
using MassTransit;

Uri broker = new(Environment.GetEnvironmentVariable("FACESEARCH_BROKER") ?? "amqp://guest:guest@localhost:5672/");
string ledger = args.Length > 0 ? args[0] : "seen-events.txt";

// Messages come at least once. What has been applied is remembered by event id, here in a file; in a real consumer, in the same
// transaction as the change itself.
HashSet<string> seen = File.Exists(ledger) ? [.. File.ReadAllLines(ledger)] : [];
await using StreamWriter remember = new(ledger, append: true) { AutoFlush = true };
Lock turn = new();

Task Apply(string eventId, string what)
{
    lock (turn)
    {
        if (!seen.Add(eventId))
            return Task.CompletedTask;
        Console.WriteLine(what);
        remember.WriteLine(eventId);
    }
    return Task.CompletedTask;
}

IBusControl bus = Bus.Factory.CreateUsingRabbitMq(rabbit =>
{
    rabbit.Host(broker);
    // A durable queue: what happens while this program is not running is waiting for it.
    rabbit.ReceiveEndpoint("facesearch-sample-consumer", endpoint =>
    {
        endpoint.UseMessageRetry(retry => retry.Intervals(1_000, 5_000));
        endpoint.Handler<IdentityEnrolled>(c => Apply(c.Message.EventId, $"enrolled {c.Message.Gallery}/{c.Message.Identity}: {c.Message.Templates.Count} template(s)"));
        endpoint.Handler<IdentityErased>(c => Apply(c.Message.EventId, $"erased {c.Message.Gallery}/{c.Message.Identity}"));
        endpoint.Handler<EnrolmentFinished>(c => Apply(c.Message.EventId, $"operation {c.Message.OperationId}: {c.Message.Outcome} {c.Message.Problem}".TrimEnd()));
        endpoint.Handler<ModelPublished>(c => Apply(c.Message.EventId, $"model {c.Message.Model} published"));
        endpoint.Handler<ModelActivated>(c => Apply(c.Message.EventId, $"gallery {c.Message.Gallery} answers with {c.Message.Model}"));
        endpoint.Handler<ReembeddingProgressed>(c => Apply(c.Message.EventId, $"re-embedding of {c.Message.Gallery}: {c.Message.Phase} {c.Message.Moved}/{c.Message.Total}"));
        endpoint.Handler<TrainingRequested>(c => Apply(c.Message.EventId, $"training run {c.Message.Run} requested"));
        endpoint.Handler<TrainingFinished>(c => Apply(c.Message.EventId, $"training run {c.Message.Run} {c.Message.Result}"));
    });
});
await bus.StartAsync(new CancellationTokenSource(TimeSpan.FromSeconds(30)).Token);
Console.WriteLine("Listening. Ctrl+C stops it.");
TaskCompletionSource stop = new();
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop), terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
await stop.Task;
await bus.StopAsync();

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.TrySetResult();
}
