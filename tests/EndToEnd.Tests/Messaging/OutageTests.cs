using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Durability;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Messages;

namespace FaceSearch.EndToEnd.Tests.Messaging;

/// <summary>A broker that is away, hangs or comes late; a silo that dies in between.</summary>
[Collection(BrokerTests.Name)]
public sealed class OutageTests(RabbitBroker broker)
{
    private const int People = 60;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Enrolment_and_identification_go_on_without_the_broker_and_every_event_is_applied_once_when_it_is_back(bool paused)
    {
        broker.Need();
        await using EventLog events = await EventLog.StartAsync(broker);
        await using ServerProcess server = await ServerProcess.StartAsync(null, broker.Options);
        await server.CreateGalleryAsync("outage");
        await EnrolAsync(server, 0, People);
        await events.WaitAsync<IdentityEnrolled>(e => e.Count == People, server.Output);
        if (paused)
            broker.Pause();
        else
            await broker.StopAsync();
        await EnrolAsync(server, People, People);
        await server.WaitAsync(async () => await EnrolFaceTests.HealthAsync(server) == "degraded", TimeSpan.FromSeconds(60));
        // Longer than two heartbeats: also after the connection has been given up.
        await EnrolAsync(server, 2 * People, People);
        await server.SendAsync(HttpMethod.Delete, $"/api/v1/galleries/outage/identities/{Api.Name(0)}", null);
        if (paused)
            broker.Resume();
        else
            await broker.StartAsync();
        await events.WaitAsync<IdentityEnrolled>(e => e.Count == 3 * People, server.Output);
        await events.WaitAsync<IdentityErased>(e => e.Count == 1, server.Output);
        events.Of<IdentityEnrolled>().Select(e => e.Identity).Order().ShouldBe(Enumerable.Range(0, 3 * People).Select(Api.Name).Order());
        await server.WaitAsync(async () => await EnrolFaceTests.HealthAsync(server) == "healthy", TimeSpan.FromSeconds(60));
        TestContext.Current.TestOutputHelper!.WriteLine($"{events.Deliveries} deliveries of {(3 * People) + 1} events");
    }

    [Fact]
    public async Task The_server_starts_and_serves_while_the_broker_is_away_and_finds_it_later()
    {
        broker.Need();
        await using EventLog events = await EventLog.StartAsync(broker);
        await broker.StopAsync();
        await using ServerProcess server = await ServerProcess.StartAsync(null, broker.Options);
        (await EnrolFaceTests.HealthAsync(server)).ShouldBe("degraded");
        await server.CreateGalleryAsync("outage");
        await EnrolAsync(server, 0, 5);
        await broker.StartAsync();
        await events.WaitAsync<IdentityEnrolled>(e => e.Count == 5, server.Output);
        await server.WaitAsync(async () => await EnrolFaceTests.HealthAsync(server) == "healthy", TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A_wrong_password_is_a_broker_that_is_away_and_is_in_no_log()
    {
        broker.Need();
        const string secret = "not-the-password-5b1f";
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, secret + "\n", TestContext.Current.CancellationToken);
            await using ServerProcess server = await ServerProcess.StartAsync(null, [.. broker.Options, $"--Messaging:PasswordFile={file}", "--Logging:LogLevel:Default=Debug"]);
            await server.CreateGalleryAsync("outage");
            await EnrolAsync(server, 0, 3);
            await server.WaitAsync(() => Task.FromResult(server.Output.Contains("does not take messages", StringComparison.Ordinal)), TimeSpan.FromSeconds(30));
            (await EnrolFaceTests.HealthAsync(server)).ShouldBe("degraded");
            server.Output.ShouldNotContain(secret);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Killed_between_the_commit_and_the_confirmation_the_event_still_comes(bool paused)
    {
        broker.Need();
        await using EventLog events = await EventLog.StartAsync(broker);
        await using ServerProcess server = await ServerProcess.StartAsync(null, broker.Options);
        await server.CreateGalleryAsync("outage");
        if (paused)
            broker.Pause();
        else
            await broker.StopAsync();
        await EnrolAsync(server, 0, People);
        await server.KillAsync();
        if (paused)
            broker.Resume();
        else
            await broker.StartAsync();
        await server.StartAgainAsync();
        await events.WaitAsync<IdentityEnrolled>(e => e.Count == People, server.Output);
        events.Of<IdentityEnrolled>().Select(e => e.Identity).Order().ShouldBe(Enumerable.Range(0, People).Select(Api.Name).Order());
    }

    /// <summary>Each request is answered 2xx, and the person is found at once.</summary>
    private static async Task EnrolAsync(ServerProcess server, int first, int count)
    {
        await Task.WhenAll(Enumerable.Range(first, count).Select(p => server.EnrolAsync("outage", Api.Name(p), Synthetic.Face(p))));
        for (int person = first; person < first + count; person += 20)
        {
            JsonElement answer = await server.IdentifyAsync("outage", Synthetic.Face(person));
            answer.GetProperty("results")[0].GetProperty("candidates")[0].GetProperty("identity").GetString().ShouldBe(Api.Name(person));
        }
    }
}
