using System.Net;
using System.Net.Http.Headers;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Tests.Security;

/// <summary>A server of its own: the first key changes who may enter.</summary>
public sealed class KeyApiTests : IAsyncLifetime
{
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync(configure: o => o.KeyCache = TimeSpan.FromMilliseconds(1));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task From_the_first_key_on_nobody_enters_without_one_and_roles_hold()
    {
        await _server.GalleryAsync("g");
        CreatedKey admin = await CreateAsync(_server.Client, "boss", ApiRole.Admin);
        admin.Key.ShouldStartWith("fs_");
        await GetAsync(_server.Client, "/api/v1/galleries").ProblemAsync(401, ProblemTypes.Unauthenticated);
        using HttpClient boss = _server.WithKey(admin.Key);
        using HttpClient enrol = _server.WithKey((await CreateAsync(boss, "importer", ApiRole.Enrol)).Key);
        using HttpClient identify = _server.WithKey((await CreateAsync(boss, "door", ApiRole.Identify)).Key);

        (await GetAsync(identify, "/api/v1/galleries")).StatusCode.ShouldBe(HttpStatusCode.OK);
        EnrolRequest ada = new() { Identity = "ada", Embeddings = [Vectors.Of(1)] };
        await identify.PostAsync("/api/v1/galleries/g/identities", ada, FaceSearchJson.Default.EnrolRequest).ProblemAsync(403, ProblemTypes.Forbidden);
        (await enrol.PostAsync("/api/v1/galleries/g/identities", ada, FaceSearchJson.Default.EnrolRequest)).StatusCode.ShouldBe(HttpStatusCode.Created);
        Uri clusters = new("/api/v1/galleries/g/clusters", UriKind.Relative);
        await identify.PostAsync(clusters, GalleryApiTests.Body("{}")).ProblemAsync(403, ProblemTypes.Forbidden);
        (await enrol.PostAsync(clusters, GalleryApiTests.Body("{}"))).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        (await identify.GetAsync(clusters)).StatusCode.ShouldBe(HttpStatusCode.OK);
        await identify.DeleteAsync(clusters).ProblemAsync(403, ProblemTypes.Forbidden);
        (await enrol.DeleteAsync(clusters)).StatusCode.ShouldBe(HttpStatusCode.OK);
        await GetAsync(enrol, "/api/v1/keys").ProblemAsync(403, ProblemTypes.Forbidden);
        await enrol.DeleteAsync(new Uri("/api/v1/galleries/g", UriKind.Relative)).ProblemAsync(403, ProblemTypes.Forbidden);

        KeyList keys = await GetAsync(boss, "/api/v1/keys").ReadAsync(FaceSearchJson.Default.KeyList);
        keys.Items.Select(k => (k.Name, k.Role)).ShouldBe([("boss", ApiRole.Admin), ("importer", ApiRole.Enrol), ("door", ApiRole.Identify)], ignoreOrder: true);
        await boss.DeleteAsync(new Uri($"/api/v1/keys/{admin.Id}", UriKind.Relative)).ProblemAsync(409, ProblemTypes.LastAdminKey);
        (await boss.DeleteAsync(new Uri($"/api/v1/keys/{keys.Items.Single(k => k.Name == "door").Id}", UriKind.Relative))).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await GetAsync(identify, "/api/v1/galleries").ProblemAsync(401, ProblemTypes.Unauthenticated);
        _server.Log.Text.ShouldNotContain(admin.Key);
    }

    [Fact]
    public async Task A_key_may_also_come_as_a_bearer_token_and_a_wrong_one_never_passes()
    {
        using HttpClient wrong = _server.WithKey("fs_wrong");
        await GetAsync(wrong, "/api/v1/galleries").ProblemAsync(401, ProblemTypes.Unauthenticated);
        CreatedKey admin = await CreateAsync(_server.Client, "boss", ApiRole.Admin);
        using HttpClient bearer = new() { BaseAddress = _server.Address };
        bearer.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", admin.Key);
        (await GetAsync(bearer, "/api/v1/galleries")).StatusCode.ShouldBe(HttpStatusCode.OK);
        await GetAsync(wrong, "/api/v1/galleries").ProblemAsync(401, ProblemTypes.Unauthenticated);
    }

    [Theory]
    [InlineData("X-Forwarded-For", "203.0.113.9")]
    [InlineData("Forwarded", "for=203.0.113.9")]
    [InlineData("Origin", "https://evil.example")]
    [InlineData("Origin", "null")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Host", "evil.example")]
    public async Task Without_keys_only_a_direct_caller_of_this_machine_is_let_in(string header, string value)
    {
        (await GetAsync(_server.Client, "/api/v1/galleries")).StatusCode.ShouldBe(HttpStatusCode.OK);
        using HttpRequestMessage request = new(HttpMethod.Get, "/api/v1/galleries");
        request.Headers.TryAddWithoutValidation(header, value).ShouldBeTrue();
        await _server.Client.SendAsync(request).ProblemAsync(401, ProblemTypes.Unauthenticated);
    }

    [Fact]
    public async Task Health_version_page_and_document_need_no_key_but_metrics_do_beyond_this_machine()
    {
        await CreateAsync(_server.Client, "boss", ApiRole.Admin);
        foreach (string path in new[] { "/health/live", "/health/ready", "/api/v1/version", "/", "/openapi/v1.json", "/reference", "/metrics" })
            (await _server.Client.GetAsync(new Uri(path, UriKind.Relative))).StatusCode.ShouldBe(HttpStatusCode.OK, path);
        using HttpRequestMessage forwarded = new(HttpMethod.Get, "/metrics");
        forwarded.Headers.Add("X-Forwarded-For", "203.0.113.9");
        await _server.Client.SendAsync(forwarded).ProblemAsync(401, ProblemTypes.Unauthenticated);
    }

    private static Task<HttpResponseMessage> GetAsync(HttpClient client, string path) => client.GetAsync(new Uri(path, UriKind.Relative));

    private static Task<CreatedKey> CreateAsync(HttpClient client, string name, ApiRole role) =>
        client.PostAsync("/api/v1/keys", new KeyRequest { Name = name, Role = role }, FaceSearchJson.Default.KeyRequest).ReadAsync(FaceSearchJson.Default.CreatedKey, HttpStatusCode.Created);
}
