using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Messages;

namespace FaceSearch.EndToEnd.Tests.Messaging;

/// <summary>Enrolment by message: the real server over a real RabbitMQ.</summary>
[Collection(BrokerTests.Name)]
public sealed class EnrolFaceTests(RabbitBroker broker)
{
    [Fact]
    public async Task A_message_enrols_a_picture_and_the_event_comes_back()
    {
        broker.Need();
        using Pictures pictures = new();
        await using EventLog events = await EventLog.StartAsync(broker);
        await using ServerProcess server = await ServerProcess.StartAsync(null, [.. broker.Options, pictures.Root]);
        await server.CreateGalleryAsync("inbox");
        await events.SendAsync([new EnrolFace("op-1", "inbox", "anna", new Dictionary<string, string> { ["door"] = "north" }, pictures.Make(1))]);
        await events.WaitAsync<EnrolmentFinished>(e => e.Count == 1, server.Output);
        EnrolmentFinished finished = events.Of<EnrolmentFinished>()[0];
        finished.Outcome.ShouldBe(EnrolmentOutcome.Enrolled, finished.Detail);
        (finished.OperationId, finished.Gallery, finished.Identity).ShouldBe(("op-1", "inbox", "anna"));
        finished.Templates.Count.ShouldBe(1);
        JsonElement anna = await server.GetAsync("/api/v1/galleries/inbox/identities/anna");
        anna.GetProperty("metadata").GetProperty("door").GetString().ShouldBe("north");
        anna.GetProperty("templates")[0].GetProperty("id").GetString().ShouldBe(finished.Templates[0]);
        JsonElement answer = await server.IdentifyImageAsync("inbox", new Uri(pictures.Make(1)).LocalPath);
        answer.GetProperty("results")[0].GetProperty("candidates")[0].GetProperty("identity").GetString().ShouldBe("anna");
        await events.WaitAsync<IdentityEnrolled>(e => e.Count == 1, "The shard's own event did not come.");
        events.Of<IdentityEnrolled>()[0].Templates.ShouldBe(finished.Templates);
        (await HealthAsync(server)).ShouldBe("healthy");
    }

    [Fact]
    public async Task A_real_face_is_enrolled_and_one_that_is_none_is_refused_with_the_reason()
    {
        broker.Need();
        string data = SharedData.Folder;
        string folder = Path.Combine(data, "scenes");
        string scene = Directory.EnumerateFiles(folder, "*.jpg").Order(StringComparer.Ordinal).First();
        using Pictures pictures = new();
        await using EventLog events = await EventLog.StartAsync(broker);
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(data, "models"), [.. broker.Options, pictures.Root, $"--Messaging:Images:Roots:1={folder}"]);
        await server.CreateGalleryAsync("real");
        await events.SendAsync(
        [
            new EnrolFace("real", "real", "someone", null, new Uri(scene).AbsoluteUri, Http.FacePolicy.Largest),
            new EnrolFace("none", "real", "nobody", null, pictures.Make(1), Http.FacePolicy.Largest),
        ]);
        await events.WaitAsync<EnrolmentFinished>(e => e.Count == 2, server.Output);
        EnrolmentFinished real = events.Of<EnrolmentFinished>().Single(e => e.OperationId == "real");
        real.Outcome.ShouldBe(EnrolmentOutcome.Enrolled, real.Detail);
        EnrolmentFinished none = events.Of<EnrolmentFinished>().Single(e => e.OperationId == "none");
        (none.Outcome, none.Problem).ShouldBe((EnrolmentOutcome.Refused, ProblemTypes.NoFace));
    }

    [Fact]
    public async Task What_can_never_be_enrolled_is_answered_by_a_refusal_that_says_why()
    {
        broker.Need();
        using Pictures pictures = new();
        await using EventLog events = await EventLog.StartAsync(broker);
        await using ServerProcess server = await ServerProcess.StartAsync(null, [.. broker.Options, pictures.Root]);
        await server.CreateGalleryAsync("strict");
        File.WriteAllText(Path.Combine(pictures.Folder, "text.jpg"), "no picture");
        await events.SendAsync(
        [
            new EnrolFace("no-gallery", "nowhere", "a", null, pictures.Make(1)),
            new EnrolFace("no-file", "strict", "a", null, new Uri(Path.Combine(pictures.Folder, "missing.png")).AbsoluteUri),
            new EnrolFace("outside", "strict", "a", null, "file:///etc/hostname"),
            new EnrolFace("no-origin", "strict", "a", null, "http://127.0.0.1:1/a.png"),
            new EnrolFace("no-picture", "strict", "a", null, new Uri(Path.Combine(pictures.Folder, "text.jpg")).AbsoluteUri),
            new EnrolFace("bad-name", "strict", "a/b", null, pictures.Make(1)),
            new EnrolFace("first", "strict", "a", null, pictures.Make(1)),
        ]);
        await events.WaitAsync<EnrolmentFinished>(e => e.Count == 7, server.Output);
        await events.SendAsync([new EnrolFace("again", "strict", "a", null, pictures.Make(1))]);
        await events.WaitAsync<EnrolmentFinished>(e => e.Count == 8, server.Output);
        Dictionary<string, EnrolmentFinished> by = events.Of<EnrolmentFinished>().ToDictionary(e => e.OperationId);
        (by["no-gallery"].Outcome, by["no-gallery"].Problem).ShouldBe((EnrolmentOutcome.Refused, ProblemTypes.GalleryNotFound));
        by["no-file"].Reasons.ShouldBe(["not-found"]);
        by["outside"].Reasons.ShouldBe(["not-allowed"]);
        by["no-origin"].Reasons.ShouldBe(["not-allowed"]);
        (by["no-picture"].Outcome, by["no-picture"].Problem).ShouldBe((EnrolmentOutcome.Refused, ProblemTypes.ImageRejected));
        by["bad-name"].Problem.ShouldBe(ProblemTypes.InvalidRequest);
        by["first"].Outcome.ShouldBe(EnrolmentOutcome.Enrolled, by["first"].Detail);
        (by["again"].Outcome, by["again"].Problem).ShouldBe((EnrolmentOutcome.Conflict, ProblemTypes.EnrolmentConflict));
        by["again"].Conflicts.ShouldBe(["a"]);
        (await broker.DepthAsync($"{EnrolFace.Queue}_error")).ShouldBe(0u);
        server.Output.ShouldNotContain("missing.png");
    }

    internal static async Task<string?> HealthAsync(ServerProcess server)
    {
        JsonElement health = await server.GetAsync("/health/ready");
        return health.GetProperty("checks").EnumerateArray().Single(c => c.GetProperty("name").GetString() == "messages").GetProperty("status").GetString();
    }
}
