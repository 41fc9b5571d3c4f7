using System.Globalization;
using System.Text;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Messages;

namespace FaceSearch.EndToEnd.Tests.Messaging;

/// <summary>At-least-once delivery at its worst.</summary>
[Collection(BrokerTests.Name)]
public sealed class DisorderTests(RabbitBroker broker)
{
    private const int Copies = 10, Seed = 20261128;

    /// <summary>Messages in all: 300, or what FACESEARCH_MESSAGES says (10,000 for the long run).</summary>
    private static int Messages => int.TryParse(Environment.GetEnvironmentVariable("FACESEARCH_MESSAGES"), CultureInfo.InvariantCulture, out int wanted) ? wanted : 300;

    [Fact]
    public async Task Tenfold_reordered_and_with_poison_in_between_the_state_is_as_if_each_came_once()
    {
        broker.Need();
        int people = Messages / Copies, poison = Math.Max(5, people / 10);
        using Pictures pictures = new();
        await using EventLog events = await EventLog.StartAsync(broker);
        string unreachable = $"http://127.0.0.1:{ServerProcess.FreePort()}";
        await using ServerProcess server = await ServerProcess.StartAsync(null, [.. broker.Options, pictures.Root, $"--Messaging:Images:Origins:0={unreachable}"]);
        await server.CreateGalleryAsync("disorder");
        EnrolFace[] commands = [.. Enumerable.Range(0, people).Select(p =>
            new EnrolFace($"op-{p}", "disorder", Api.Name(p), null, pictures.Make(p % 50), OnConflict: ConflictPolicy.Allow))];
        EnrolFace[] mess = [.. Enumerable.Repeat(commands, Copies).SelectMany(c => c)];
        new Random(Seed).Shuffle(mess);
        // May succeed later, so it is tried again a few times before it goes to the same place as poison.
        await events.SendAsync([new EnrolFace("op-unreachable", "disorder", "nobody", null, unreachable + "/a.png")]);
        for (int part = 0; part < poison; part++)
        {
            await events.SendAsync(mess.Where((_, i) => i % poison == part));
            await broker.SendRawAsync(EnrolFace.Queue, [Poison(part)]);
        }
        await events.WaitAsync<EnrolmentFinished>(e => e.Count == people, server.Output);
        await events.WaitAsync<IdentityEnrolled>(e => e.Count == people, server.Output);
        await Until.TrueAsync(async () => await broker.DepthAsync($"{EnrolFace.Queue}_error") == poison + 1, TimeSpan.FromMinutes(1), "Not all poison is in the error queue.");
        await Until.TrueAsync(async () => await broker.DepthAsync(EnrolFace.Queue) == 0, TimeSpan.FromMinutes(1), "Something blocks the queue.");
        events.Of<EnrolmentFinished>().ShouldAllBe(e => e.Outcome == EnrolmentOutcome.Enrolled);
        (await PeopleAsync(server)).ShouldBe(Enumerable.Range(0, people).Select(Api.Name).Order(StringComparer.Ordinal));
        await server.WaitAsync(async () => (await server.Http.GetStringAsync("/metrics")).Split('\n').Any(l => l.StartsWith("facesearch_messages_error_queue_depth{", StringComparison.Ordinal)
            && l.Contains(EnrolFace.Queue, StringComparison.Ordinal) && l.Contains($"}} {poison + 1}", StringComparison.Ordinal)), TimeSpan.FromSeconds(30));
        string metrics = await server.Http.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        metrics.Split('\n').Single(l => l.StartsWith("facesearch_messages_faulted_total{", StringComparison.Ordinal)).Split(' ')[1].ShouldBe($"{poison + 1}");
        TestContext.Current.TestOutputHelper!.WriteLine($"{mess.Length} commands of {people} people, {poison} poisoned messages, {events.Deliveries} events delivered");
    }

    /// <summary>No JSON; JSON of no envelope; an envelope whose command has no operation id.</summary>
    private static (byte[] Body, string ContentType) Poison(int number) => (number % 3) switch
    {
        0 => (Encoding.UTF8.GetBytes("\0\u0001 not json at all"), "application/vnd.masstransit+json"),
        1 => (Encoding.UTF8.GetBytes("[1,2,3]"), "application/vnd.masstransit+json"),
        _ => (JsonSerializer.SerializeToUtf8Bytes(new
        {
            messageId = Guid.NewGuid(),
            messageType = new[] { "urn:message:FaceSearch.Messages:EnrolFace" },
            message = new { operationId = "", gallery = "disorder", image = "file:///nowhere" },
        }), "application/vnd.masstransit+json"),
    };

    /// <summary>Everybody in the gallery, each with exactly one template.</summary>
    private static async Task<List<string>> PeopleAsync(ServerProcess server)
    {
        List<string> listed = [];
        string? after = null;
        do
        {
            JsonElement page = await server.GetAsync($"/api/v1/galleries/disorder/identities?limit=1000{(after is null ? "" : "&after=" + after)}");
            foreach (JsonElement identity in page.GetProperty("items").EnumerateArray())
            {
                listed.Add(identity.GetProperty("id").GetString()!);
                identity.GetProperty("templates").GetArrayLength().ShouldBe(1, "a command was applied twice");
            }
            after = page.TryGetProperty("next", out JsonElement more) ? more.GetString() : null;
        }
        while (after is not null);
        return listed;
    }
}
