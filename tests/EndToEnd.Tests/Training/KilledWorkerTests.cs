using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Training;

/// <summary>
/// kill -9 of workers at random moments of their runs. FACESEARCH_TRAINING_KILLS says how often; docs/models.md has the command for twenty.
/// </summary>
public sealed class KilledWorkerTests : IDisposable
{
    /// <summary>One less than the workers that may fail on a run.</summary>
    private const int MostKillsARun = 4;

    private readonly TrainingScene _scene = new();
    private int _workers;

    public void Dispose() => _scene.Dispose();

    [Fact]
    [Trait("Category", "Slow")]
    public async Task However_often_its_worker_is_killed_a_run_ends_once_with_the_very_model_of_an_undisturbed_run()
    {
        int kills = int.TryParse(Environment.GetEnvironmentVariable("FACESEARCH_TRAINING_KILLS"), out int asked) ? asked : 1, done = 0;
        int port = ServerProcess.FreePort();
        await using ServerProcess server = await ServerProcess.StartAsync(_scene.Models(), $"--Silo:ClientPort={port}", "--Training:Lease=00:00:05");
        await server.CreateGalleryAsync("people", new { retention = "crop" });
        await TrainingScene.EnrolAsync(server);
        Stopwatch clock = Stopwatch.StartNew();
        string undisturbed = await EndAsync(server, port, await StartAsync(server));
        TimeSpan usual = clock.Elapsed;
        Random random = new(kills);
        List<string> phases = [];
        while (done < kills)
        {
            string run = await StartAsync(server);
            int killed = 0;
            for (; killed < Math.Min(MostKillsARun, kills - done) && await KillAsync(server, port, run, usual * random.NextDouble(), phases); killed++)
            {
            }
            done += killed;
            (await EndAsync(server, port, run)).ShouldBe(undisturbed);
            JsonElement ended = await server.GetAsync($"/api/v1/training/runs/{run}");
            ended.GetProperty("attempts").GetInt32().ShouldBeInRange(1, killed + 1);
            Directory.EnumerateFiles(Path.Combine(_scene.Folder, "runs", run), "*.bin").ShouldBeEmpty();
        }
        JsonElement models = await server.GetAsync("/api/v1/models");
        TestContext.Current.TestOutputHelper!.WriteLine($"{done} kills while: {string.Join(", ", phases.GroupBy(p => p).Select(g => $"{g.Key} {g.Count()}"))}; every run gave {undisturbed[..12]}");
        models.ToString().ShouldContain(undisturbed);
    }

    private static async Task<string> StartAsync(ServerProcess server)
    {
        JsonElement run = await server.SendAsync(HttpMethod.Post, "/api/v1/training/runs", JsonContent.Create(new
        {
            gallery = "people", mode = "head", leastPeople = 10, seed = 7,
            options = new Dictionary<string, string> { ["epochs"] = "200", ["test-share"] = "0.4", ["teacher-views"] = "2", ["threads"] = "1" },
        }));
        return run.GetProperty("id").GetString()!;
    }

    /// <summary>A worker takes the run up and is killed a while later; false if the run had ended by then.</summary>
    private async Task<bool> KillAsync(ServerProcess server, int port, string run, TimeSpan after, List<string> phases)
    {
        string name = $"worker-{++_workers}";
        await using WorkerProcess worker = new(server, port, _scene.Folder, name);
        await TrainingScene.WaitAsync(server, run, worker, r => r.TryGetProperty("worker", out JsonElement by) && by.GetString() == name);
        await Task.Delay(after, TestContext.Current.CancellationToken);
        JsonElement now = await server.GetAsync($"/api/v1/training/runs/{run}");
        if (now.TryGetProperty("finishedAt", out _))
            return false;
        phases.Add(now.TryGetProperty("progress", out JsonElement progress) ? progress.GetProperty("phase").GetString()! : "taken up");
        await worker.KillAsync();
        return true;
    }

    /// <summary>A worker that is left alone ends the run; the digest of its model.</summary>
    private async Task<string> EndAsync(ServerProcess server, int port, string run)
    {
        await using WorkerProcess worker = new(server, port, _scene.Folder, $"worker-{++_workers}");
        JsonElement ended = await TrainingScene.WaitAsync(server, run, worker, r => r.TryGetProperty("finishedAt", out _));
        ended.GetProperty("state").GetString().ShouldBe("completed", ended.ToString() + worker.Output);
        await server.WaitAsync(() => Task.FromResult(!Directory.EnumerateFiles(Path.Combine(_scene.Folder, "runs", run), "*.bin").Any()), TimeSpan.FromSeconds(10));
        JsonElement model = (await server.GetAsync($"/api/v1/models/{ended.GetProperty("model").GetString()}")).GetProperty("model");
        return model.GetProperty("sha256").GetString()!;
    }
}
