using System.Net;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Tests;

public sealed class TrainingApiTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private HttpClient Client => fixture.Server.Client;

    [Fact]
    public async Task A_run_is_started_once_an_operation_followed_and_cancelled()
    {
        TrainingRun run = await StartAsync("op-train-1").ReadAsync(FaceSearchJson.Default.TrainingRun, HttpStatusCode.Accepted);
        (run.State, run.Plan.Folder, run.RequestedBy).ShouldBe((TrainingRunState.Queued, "faces", "loopback"));
        (run.Plan.Promote, run.Plan.Seed, run.Plan.LeastPeople).ShouldBe((true, 1, 20));
        (await StartAsync("op-train-1").ReadAsync(FaceSearchJson.Default.TrainingRun, HttpStatusCode.Accepted)).Id.ShouldBe(run.Id);
        (await GetAsync($"runs/{run.Id}").ReadAsync(FaceSearchJson.Default.TrainingRun)).State.ShouldBe(TrainingRunState.Queued);
        (await GetAsync("runs?limit=5").ReadAsync(FaceSearchJson.Default.TrainingRunList)).Items.ShouldContain(r => r.Id == run.Id);
        (await Client.DeleteAsync(Path($"runs/{run.Id}")).ReadAsync(FaceSearchJson.Default.TrainingRun)).State.ShouldBe(TrainingRunState.Cancelled);
        await GetAsync("runs/none").ProblemAsync(404, ProblemTypes.TrainingNotFound);
        await GetAsync("runs?limit=0").ProblemAsync(400, ProblemTypes.InvalidRequest);
    }

    [Fact]
    public async Task Plans_that_cannot_be_are_refused_by_name()
    {
        string bare = await fixture.Server.GalleryAsync("bare");
        await PlanAsync(new TrainingRequest { Gallery = bare }).ProblemAsync(409, ProblemTypes.RetentionNone);
        await PlanAsync(new TrainingRequest { Gallery = "nowhere" }).ProblemAsync(404, ProblemTypes.GalleryNotFound);
        await PlanAsync(new TrainingRequest()).ProblemAsync(400, ProblemTypes.InvalidRequest);
        await PlanAsync(new TrainingRequest { Folder = "x", LeastPeople = 1 }).ProblemAsync(400, ProblemTypes.InvalidRequest);
    }

    [Fact]
    public async Task A_schedule_is_set_listed_and_removed()
    {
        ScheduleStatus set = await SetAsync("nights", new ScheduleRequest { Cron = "0 3 * * *", Plan = new TrainingRequest { Folder = "faces" } }).ReadAsync(FaceSearchJson.Default.ScheduleStatus);
        set.Next.ShouldNotBeNull();
        set.Next!.Value.Hour.ShouldBe(3);
        (set.Schedule.LeastNewIdentities, set.Schedule.Enabled).ShouldBe((20, true));
        (await GetAsync("schedules").ReadAsync(FaceSearchJson.Default.ScheduleList)).Items.ShouldContain(s => s.Schedule.Name == "nights");
        await SetAsync("nights", new ScheduleRequest { Cron = "often", Plan = new TrainingRequest { Folder = "faces" } }).ProblemAsync(400, ProblemTypes.InvalidRequest);
        await SetAsync("nights", new ScheduleRequest { Cron = "0 3 * * *" }).ProblemAsync(400, ProblemTypes.InvalidRequest);
        (await Client.DeleteAsync(Path("schedules/nights"))).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await Client.DeleteAsync(Path("schedules/nights")).ProblemAsync(404, ProblemTypes.ScheduleNotFound);
    }

    private Task<HttpResponseMessage> StartAsync(string operation)
    {
        HttpRequestMessage request = new(HttpMethod.Post, Path("runs")) { Content = new StringContent("""{ "folder": "faces" }""", System.Text.Encoding.UTF8, "application/json") };
        request.Headers.Add(HttpApi.OperationHeader, operation);
        return Client.SendAsync(request);
    }

    private Task<HttpResponseMessage> PlanAsync(TrainingRequest plan) => Client.PostAsync("/api/v1/training/runs", plan, FaceSearchJson.Default.TrainingRequest);

    private Task<HttpResponseMessage> SetAsync(string name, ScheduleRequest request) => Client.PutAsync($"/api/v1/training/schedules/{name}", request, FaceSearchJson.Default.ScheduleRequest);

    private Task<HttpResponseMessage> GetAsync(string path) => Client.GetAsync(Path(path));

    private static Uri Path(string path) => new($"/api/v1/training/{path}", UriKind.Relative);
}
