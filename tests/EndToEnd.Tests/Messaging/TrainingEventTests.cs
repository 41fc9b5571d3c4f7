using System.Net.Http.Json;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Messages;

namespace FaceSearch.EndToEnd.Tests.Messaging;

/// <summary>What the training queue tells.</summary>
[Collection(BrokerTests.Name)]
public sealed class TrainingEventTests(RabbitBroker broker)
{
    [Fact]
    public async Task A_run_that_was_asked_for_and_cancelled_while_the_broker_was_away_is_told_of_after_a_kill()
    {
        broker.Need();
        await using EventLog events = await EventLog.StartAsync(broker);
        await using ServerProcess server = await ServerProcess.StartAsync(null, broker.Options);
        string told = await RequestAsync(server);
        await events.WaitAsync<TrainingRequested>(e => e.Count == 1, server.Output);
        (events.Of<TrainingRequested>()[0].Run, events.Of<TrainingRequested>()[0].RequestedBy).ShouldBe((told, "loopback"));
        await broker.StopAsync();
        string untold = await RequestAsync(server);
        await server.SendAsync(HttpMethod.Delete, $"/api/v1/training/runs/{untold}", null);
        await server.KillAsync();
        await broker.StartAsync();
        await server.StartAgainAsync();
        await events.WaitAsync<TrainingFinished>(e => e.Count == 1, server.Output);
        events.Of<TrainingRequested>().Select(e => e.Run).Order().ShouldBe(new[] { told, untold }.Order());
        TrainingFinished finished = events.Of<TrainingFinished>()[0];
        (finished.Run, finished.Result, finished.Model, finished.Promoted).ShouldBe((untold, "cancelled", null, false));
    }

    private static async Task<string> RequestAsync(ServerProcess server) =>
        (await server.SendAsync(HttpMethod.Post, "/api/v1/training/runs", JsonContent.Create(new { folder = "faces" }))).GetProperty("id").GetString()!;
}
