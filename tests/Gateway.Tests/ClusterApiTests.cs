using System.Net;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Tests;

[Collection(ServerCollection.Name)]
public sealed class ClusterApiTests(ServerFixture fixture)
{
    private readonly HttpClient _client = fixture.Server.Client;

    [Fact]
    public async Task A_job_is_started_followed_and_its_duplicates_are_read()
    {
        await FillAsync("clusters", people: 6);
        await EnrolAsync("clusters", "twin", Vectors.Near(3, 0.8f, noise: 9));

        ClusterJob started = await StartAsync("clusters", "{}").ReadAsync(FaceSearchJson.Default.ClusterJob, HttpStatusCode.Accepted);
        ClusterJob done = await EndAsync("clusters");
        ClusterGroupPage duplicates = await GetAsync("clusters/clusters/groups?duplicates=true").ReadAsync(FaceSearchJson.Default.ClusterGroupPage);
        ClusterGroupPage first = await GetAsync("clusters/clusters/groups?limit=4").ReadAsync(FaceSearchJson.Default.ClusterGroupPage);
        ClusterGroupPage rest = await GetAsync($"clusters/clusters/groups?limit=4&after={first.Next}").ReadAsync(FaceSearchJson.Default.ClusterGroupPage);

        (started.State, started.Threshold).ShouldBe((ClusterJobState.Running, 0.52f));
        (done.State, done.StartedAt, done.Templates, done.Groups, done.SuspectedDuplicates).ShouldBe((ClusterJobState.Done, started.StartedAt, 13, 6, 1));
        duplicates.Items.ShouldHaveSingleItem().Identities.ShouldBe(["person-3", "twin"]);
        (first.Items.Count, rest.Items.Count, rest.Next).ShouldBe((4, 2, null));

        (await _client.DeleteAsync(Path("clusters/identities/twin"))).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await GetAsync("clusters/clusters/groups?duplicates=true").ReadAsync(FaceSearchJson.Default.ClusterGroupPage)).Items.ShouldBeEmpty();
        (await _client.GetStringAsync(Path("clusters/clusters"))).ShouldContain("\"state\":\"done\"");
    }

    [Fact]
    public async Task Cancelling_answers_with_the_last_job()
    {
        await FillAsync("clusters-cancel", people: 2);
        ClusterJob started = await StartAsync("clusters-cancel", """{"threshold":0.6}""").ReadAsync(FaceSearchJson.Default.ClusterJob, HttpStatusCode.Accepted);
        ClusterJob ended = await _client.DeleteAsync(Path("clusters-cancel/clusters")).ReadAsync(FaceSearchJson.Default.ClusterJob);

        ended.StartedAt.ShouldBe(started.StartedAt);
        ended.Threshold.ShouldBe(0.6f);
        ended.State.ShouldBeOneOf(ClusterJobState.Cancelled, ClusterJobState.Done);
        ended.FinishedAt.ShouldNotBeNull();
    }

    [Fact]
    public async Task What_is_not_there_or_not_valid_is_a_problem_that_says_so()
    {
        await FillAsync("clusters-none", people: 1);
        await GetAsync("clusters-none/clusters").ProblemAsync(404, ProblemTypes.ClustersNotFound);
        await GetAsync("clusters-none/clusters/groups").ProblemAsync(404, ProblemTypes.ClustersNotFound);
        await _client.DeleteAsync(Path("clusters-none/clusters")).ProblemAsync(404, ProblemTypes.ClustersNotFound);
        await GetAsync("nowhere/clusters").ProblemAsync(404, ProblemTypes.GalleryNotFound);
        await StartAsync("nowhere", "{}").ProblemAsync(404, ProblemTypes.GalleryNotFound);
        foreach ((string body, string named) in ((string, string)[])[("""{"threshold":1}""", "threshold"), ("""{"treshold":0.5}""", "treshold"), ("""{"threshold":"high"}""", "threshold"), ("", "empty")])
            (await StartAsync("clusters-none", body).ProblemAsync(400, ProblemTypes.InvalidRequest)).Detail.ShouldContain(named);
        await StartAsync("clusters-none", "{}").ReadAsync(FaceSearchJson.Default.ClusterJob, HttpStatusCode.Accepted);
        await EndAsync("clusters-none");
        foreach (string query in (string[])["limit=0", "limit=1001", "limit=many", "duplicates=perhaps", "after=x", "page=2"])
            await GetAsync($"clusters-none/clusters/groups?{query}").ProblemAsync(400, ProblemTypes.InvalidRequest);
    }

    private static Uri Path(string path) => new($"/api/v1/galleries/{path}", UriKind.Relative);

    private Task<HttpResponseMessage> GetAsync(string path) => _client.GetAsync(Path(path));

    private Task<HttpResponseMessage> StartAsync(string gallery, string json) => _client.PostAsync(Path($"{gallery}/clusters"), GalleryApiTests.Body(json));

    private async Task<ClusterJob> EndAsync(string gallery)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        while (true)
        {
            ClusterJob job = await GetAsync($"{gallery}/clusters").ReadAsync(FaceSearchJson.Default.ClusterJob);
            if (job.State != ClusterJobState.Running)
                return job;
            await Task.Delay(20, limit.Token);
        }
    }

    private async Task FillAsync(string gallery, int people)
    {
        await fixture.Server.GalleryAsync(gallery);
        for (int person = 0; person < people; person++)
            await EnrolAsync(gallery, $"person-{person}", Vectors.Of(person), Vectors.Near(person, 0.8f));
    }

    private async Task EnrolAsync(string gallery, string identity, params Embedding[] embeddings) =>
        await _client.PostAsync($"/api/v1/galleries/{gallery}/identities", new EnrolRequest { Identity = identity, Embeddings = embeddings, OnConflict = ConflictPolicy.Allow }, FaceSearchJson.Default.EnrolRequest)
            .ReadAsync(FaceSearchJson.Default.EnrolResponse, HttpStatusCode.Created);
}
