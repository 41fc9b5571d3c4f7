using System.Net.Http.Json;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.EndToEnd.Tests.Training;

namespace FaceSearch.EndToEnd.Tests.Reembedding;

/// <summary>
/// A gallery of real photographs under constant load gets a model of its own training, moves to it, and back. docs/reembedding.md has the command of the long
/// run (10,000 identities) and what it measured.
/// </summary>
public sealed class LiveMoveTests
{
    [Fact]
    [Trait("Category", "Slow")]
    public async Task Under_load_a_model_is_trained_published_and_rolled_back_and_no_request_fails_or_mixes_generations()
    {
        using TwoModels models = new();
        using TrainingScene scene = new();
        int port = ServerProcess.FreePort();
        await using ServerProcess server = await ServerProcess.StartAsync(models.Folder, $"--Silo:ClientPort={port}");
        // Somebody must have two pictures, or there is nothing to learn; in "staff" each picture is a person.
        await server.CreateGalleryAsync("people", new { model = TwoModels.First, retention = "crop" });
        await TrainingScene.EnrolAsync(server);
        await server.CreateGalleryAsync("staff", new { model = TwoModels.First, retention = "crop" });
        LiveLoad load = new(server, "staff", Move.Pictures(), Move.Setting("FACESEARCH_REEMBED_IDENTIFY_RATE", 4), Move.Setting("FACESEARCH_REEMBED_ENROL_RATE", 1));
        await load.FillAsync(Move.Setting("FACESEARCH_REEMBED_PEOPLE", 40));
        TimeSpan while_ = TimeSpan.FromSeconds(Move.Setting("FACESEARCH_REEMBED_SECONDS", 4));

        load.Start();
        await Task.Delay(while_, TestContext.Current.CancellationToken);
        load.Period = "training";
        string trained = await TrainAsync(server, port, scene);
        load.Period = "backfill";
        await server.SendAsync(HttpMethod.Post, $"/api/v1/models/{trained}/promote", JsonContent.Create(new { force = "so that the test sees a move" }));
        JsonElement status = await server.UntilAsync("staff", "active", TimeSpan.FromHours(2));
        load.Period = "after";
        string[] acknowledged = [.. load.Acknowledged.Keys];
        HashSet<string> moved = await server.PeopleAsync("staff");
        await Task.Delay(while_, TestContext.Current.CancellationToken);
        load.Period = "rolled back";
        string[] sinceSwitch = [.. load.Acknowledged.Keys];
        await server.SendAsync(HttpMethod.Post, "/api/v1/models/rollback", JsonContent.Create(new { reason = "the test goes back" }));
        await server.WaitAsync(async () => (await server.GetAsync("/api/v1/galleries/staff")).GetProperty("model").GetString() == TwoModels.First, TimeSpan.FromMinutes(1));
        await Task.Delay(while_, TestContext.Current.CancellationToken);
        await load.StopAsync();
        HashSet<string> back = await server.PeopleAsync("staff");

        double before = load.Percentile("before", 0.99), during = load.Percentile("backfill", 0.99);
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"{status.GetProperty("moved").GetInt64()} templates moved; {load.Identified} identified, {load.Acknowledged.Count} enrolled; p50/p99 before {load.Percentile("before", 0.5):F0}/{before:F0} ms ({load.Count("before")}), "
            + $"while training {load.Percentile("training", 0.5):F0}/{load.Percentile("training", 0.99):F0} ms ({load.Count("training")}), during {load.Percentile("backfill", 0.5):F0}/{during:F0} ms ({load.Count("backfill")}), after {load.Percentile("after", 0.5):F0}/{load.Percentile("after", 0.99):F0} ms; ratio of p99 {during / before:F2}; "
            + $"failed {load.Failures.Count}, mixed {load.Mixed.Count}; answers {string.Join(", ", load.Answers.Select(a => $"{a.Key.Model} {a.Key.Generation}: {a.Value}"))}"));
        load.Failures.ShouldBeEmpty(server.Output);
        load.Mixed.ShouldBeEmpty();
        load.Answers.Keys.ShouldBe([(TwoModels.First, 1), (trained, 2)], ignoreOrder: true);
        acknowledged.ShouldBeSubsetOf(moved);
        sinceSwitch.ShouldBeSubsetOf(back);
        back.ShouldBe(load.Acknowledged.Keys, ignoreOrder: true);
        if (Environment.GetEnvironmentVariable("FACESEARCH_REEMBED_ASSERT_LATENCY") == "1")
            during.ShouldBeLessThanOrEqualTo(2 * before);
    }

    /// <summary>A head on the second model, whose vectors have nothing to do with the first one's, learnt from both galleries by a worker.</summary>
    private static async Task<string> TrainAsync(ServerProcess server, int port, TrainingScene scene)
    {
        JsonElement run = await server.SendAsync(HttpMethod.Post, "/api/v1/training/runs", JsonContent.Create(new
        {
            family = TwoModels.First, baseModel = TwoModels.Second, mode = "head", leastPeople = 10,
            options = new Dictionary<string, string> { ["epochs"] = "2", ["test-share"] = "0.4", ["teacher-views"] = "1", ["teacher-weight"] = "1", ["threads"] = "1" },
        }));
        string id = run.GetProperty("id").GetString()!;
        await using WorkerProcess worker = new(server, port, scene.Folder, "worker");
        JsonElement ended = await TrainingScene.WaitAsync(server, id, worker, r => r.TryGetProperty("finishedAt", out _));
        ended.GetProperty("state").GetString().ShouldBe("completed", ended.ToString() + worker.Output);
        string outcome = ended.GetProperty("outcome").GetString()!;
        TestContext.Current.TestOutputHelper!.WriteLine(outcome);
        // The server's file has a fixed batch, the worker's copy of it a free one: they are one model.
        outcome.ShouldNotContain("compare it again");
        return ended.GetProperty("model").GetString()!;
    }
}
