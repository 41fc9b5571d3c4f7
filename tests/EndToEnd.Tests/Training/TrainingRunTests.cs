using System.Net.Http.Json;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Training;

/// <summary>A gallery learns from its own faces: real silo, real worker processes, real photographs.</summary>
[Trait("Category", "Slow")]
public sealed class TrainingRunTests : IDisposable
{
    private readonly TrainingScene _scene = new();

    public void Dispose() => _scene.Dispose();

    [Fact]
    public async Task A_killed_workers_run_is_ended_by_another_its_candidate_is_judged_and_the_gallery_moves_to_what_is_promoted_and_back()
    {
        int port = ServerProcess.FreePort();
        await using ServerProcess server = await ServerProcess.StartAsync(_scene.Models(), $"--Silo:ClientPort={port}", "--Training:Lease=00:00:05");
        await server.CreateGalleryAsync("people", new { retention = "crop", cohortKey = "team" });
        string before = (await server.GetAsync("/api/v1/galleries/people")).GetProperty("model").GetString()!;
        await TrainingScene.EnrolAsync(server);
        JsonElement run = await server.SendAsync(HttpMethod.Post, "/api/v1/training/runs", JsonContent.Create(new
        {
            gallery = "people", mode = "head", leastPeople = 10,
            options = new Dictionary<string, string> { ["epochs"] = "300", ["test-share"] = "0.4", ["teacher-views"] = "2", ["threads"] = "1" },
        }));
        string id = run.GetProperty("id").GetString()!;

        await using (WorkerProcess first = new(server, port, _scene.Folder, "first"))
        {
            await TrainingScene.WaitAsync(server, id, first, r => r.TryGetProperty("progress", out JsonElement p) && p.GetProperty("phase").GetString() == "training" && p.GetProperty("done").GetInt64() > 0);
            await first.KillAsync();
        }
        File.Exists(Path.Combine(_scene.Folder, "runs", id, "faces.bin")).ShouldBeTrue();
        await using WorkerProcess second = new(server, port, _scene.Folder, "second");
        JsonElement ended = await TrainingScene.WaitAsync(server, id, second, r => r.TryGetProperty("finishedAt", out _));

        ended.GetProperty("state").GetString().ShouldBe("completed", ended.ToString() + second.Output);
        ended.GetProperty("attempts").GetInt32().ShouldBe(2);
        ended.GetProperty("worker").GetString().ShouldBe("second");
        string outcome = ended.GetProperty("outcome").GetString()!;
        outcome.ShouldContain("romoted.");
        TestContext.Current.TestOutputHelper?.WriteLine(outcome);
        await server.WaitAsync(() => Task.FromResult(!Directory.EnumerateFiles(Path.Combine(_scene.Folder, "runs", id), "*.bin").Any()), TimeSpan.FromSeconds(10));

        string model = ended.GetProperty("model").GetString()!;
        JsonElement candidate = (await server.GetAsync($"/api/v1/models/{model}")).GetProperty("model");
        candidate.GetProperty("lineage").GetProperty("run").GetString().ShouldBe(id);
        candidate.GetProperty("gallery").GetString().ShouldBe("people");
        candidate.GetProperty("evaluation").GetProperty("people").GetInt32().ShouldBeGreaterThan(10);
        candidate.GetProperty("evaluation").GetProperty("comparisons").EnumerateArray().Count(c => !c.TryGetProperty("cohort", out _)).ShouldBe(3);

        if (!ended.GetProperty("promoted").GetBoolean())
            await server.SendAsync(HttpMethod.Post, $"/api/v1/models/{model}/promote", JsonContent.Create(new { force = "the test wants to see the gallery move" }));
        await server.WaitAsync(async () => (await server.GetAsync("/api/v1/galleries/people")).GetProperty("model").GetString() == model, TimeSpan.FromMinutes(2));
        await FindsAsync(server, model);

        await server.SendAsync(HttpMethod.Post, "/api/v1/models/rollback", JsonContent.Create(new { reason = "the test wants the model before", gallery = "people" }));
        await server.WaitAsync(async () => (await server.GetAsync("/api/v1/galleries/people")).GetProperty("model").GetString() == before, TimeSpan.FromMinutes(2));
        await FindsAsync(server, before);
        (await server.GetAsync($"/api/v1/models/{model}")).GetProperty("model").GetProperty("status").GetString().ShouldBe("retired");
    }

    [Fact]
    public async Task A_network_of_another_input_size_is_trained_from_nothing_then_fine_tuned_and_refused_each_time_with_its_reason()
    {
        int port = ServerProcess.FreePort();
        await using ServerProcess server = await ServerProcess.StartAsync(_scene.Models(), $"--Silo:ClientPort={port}");
        await server.CreateGalleryAsync("people", new { retention = "crop" });
        string before = (await server.GetAsync("/api/v1/galleries/people")).GetProperty("model").GetString()!;
        await TrainingScene.EnrolAsync(server);
        await using WorkerProcess worker = new(server, port, _scene.Folder, "worker");
        Dictionary<string, string> options = new()
        {
            ["network"] = "nns2", ["epochs"] = "1", ["people-per-batch"] = "8", ["random-negatives"] = "0", ["test-share"] = "0.4", ["threads"] = "1",
        };

        (string from, _) = await RefusedAsync("scratch");
        options["start-from"] = Path.Combine(_scene.Folder, "runs", from);
        (_, string model) = await RefusedAsync("fineTune");

        (await server.GetAsync($"/api/v1/models/{model}/manifest")).GetProperty("input").GetProperty("width").GetInt32().ShouldBe(140);
        (await server.GetAsync("/api/v1/galleries/people")).GetProperty("model").GetString().ShouldBe(before);

        async Task<(string Run, string Model)> RefusedAsync(string mode)
        {
            JsonElement run = await server.SendAsync(HttpMethod.Post, "/api/v1/training/runs", JsonContent.Create(new { gallery = "people", mode, leastPeople = 10, options }));
            string id = run.GetProperty("id").GetString()!;
            JsonElement ended = await TrainingScene.WaitAsync(server, id, worker, r => r.TryGetProperty("finishedAt", out _));
            ended.GetProperty("state").GetString().ShouldBe("completed", ended.ToString() + worker.Output);
            ended.GetProperty("promoted").GetBoolean().ShouldBeFalse();
            // A network that has seen 140 faces once is far behind one that has seen millions.
            ended.GetProperty("outcome").GetString()!.ShouldContain("worse");
            string made = ended.GetProperty("model").GetString()!;
            (await server.GetAsync($"/api/v1/models/{made}")).GetProperty("model").GetProperty("lineage").GetProperty("mode").GetString().ShouldBe(mode);
            return (id, made);
        }
    }

    /// <summary>A picture finds its person at any time, and soon by the model named: the generation before answers for a short while after a switch.</summary>
    private static async Task FindsAsync(ServerProcess server, string model)
    {
        JsonElement answer = default;
        await server.WaitAsync(async () =>
        {
            answer = await server.IdentifyImageAsync("people", TrainingScene.Photographs().First().Files[0], "?faces=central");
            answer.GetProperty("results")[0].GetProperty("candidates")[0].GetProperty("identity").GetString().ShouldBe(TrainingScene.Photographs().First().Name);
            return answer.GetProperty("model").GetString() == model;
        }, TimeSpan.FromMinutes(1));
        answer.GetProperty("results")[0].GetProperty("candidates")[0].GetProperty("identity").GetString().ShouldBe(TrainingScene.Photographs().First().Name);
    }
}
