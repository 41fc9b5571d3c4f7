using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using FaceSearch.Messages;
using MassTransit;

if (args.Length < 3)
{
    Console.Error.WriteLine("Usage: producer GALLERY IDENTITY IMAGE-ADDRESS [IMAGE-ADDRESS ...]\nBroker: FACESEARCH_BROKER, default amqp://guest:guest@localhost:5672/");
    return 2;
}
(string gallery, string identity) = (args[0], args[1]);
string[] images = args[2..];
Uri broker = new(Environment.GetEnvironmentVariable("FACESEARCH_BROKER") ?? "amqp://guest:guest@localhost:5672/");

ConcurrentDictionary<string, EnrolmentFinished> answers = new();
IBusControl bus = Bus.Factory.CreateUsingRabbitMq(rabbit =>
{
    rabbit.Host(broker);
    // A queue of this process alone: it goes when the process does.
    rabbit.ReceiveEndpoint(new TemporaryEndpointDefinition(), endpoint => endpoint.Handler<EnrolmentFinished>(context =>
    {
        answers.TryAdd(context.Message.OperationId, context.Message);
        return Task.CompletedTask;
    }));
});
await bus.StartAsync(new CancellationTokenSource(TimeSpan.FromSeconds(30)).Token);
try
{
    ISendEndpoint queue = await bus.GetSendEndpoint(new Uri($"queue:{EnrolFace.Queue}"));
    // The same picture for the same person is the same operation, however often this program is run.
    Dictionary<string, string> operations = images.ToDictionary(Operation, image => image);
    foreach ((string operation, string image) in operations)
        await queue.Send(new EnrolFace(operation, gallery, identity, null, image));

    DateTime limit = DateTime.UtcNow.AddMinutes(1);
    while (operations.Keys.Any(o => !answers.ContainsKey(o)) && DateTime.UtcNow < limit)
        await Task.Delay(50);
    foreach ((string operation, string image) in operations)
        Console.WriteLine($"{image}: {(answers.TryGetValue(operation, out EnrolmentFinished? answer) ? $"{answer.Outcome} {answer.Problem} {answer.Detail}".TrimEnd() : "no answer yet; it will be enrolled when a server takes it")}");
    return operations.Keys.All(o => answers.TryGetValue(o, out EnrolmentFinished? answer) && answer.Outcome == EnrolmentOutcome.Enrolled) ? 0 : 1;
}
finally
{
    await bus.StopAsync();
}

string Operation(string image) => "sample-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{gallery}\n{identity}\n{image}")))[..32];
