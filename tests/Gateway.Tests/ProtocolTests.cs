using System.Net;
using System.Text;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Tests;

[Collection(ServerCollection.Name)]
public sealed class ProtocolTests(ServerFixture fixture)
{
    private readonly HttpClient _client = fixture.Server.Client;

    [Fact]
    public async Task What_is_not_there_is_a_problem_too()
    {
        await GetAsync("/api/v1/nothing").ProblemAsync(404, ProblemTypes.InvalidRequest);
        using HttpResponseMessage put = await _client.PutAsync(new Uri("/api/v1/detect", UriKind.Relative), GalleryApiTests.Body("{}"));
        put.Content.Headers.Allow.ShouldContain("POST");
        await Task.FromResult(put).ProblemAsync(405, ProblemTypes.InvalidRequest);
        using StringContent text = new("hello", Encoding.UTF8, "text/plain");
        await _client.PostAsync(new Uri("/api/v1/detect", UriKind.Relative), text).ProblemAsync(415, ProblemTypes.InvalidRequest);
        await _client.PostAsync(new Uri("/api/v1/detect", UriKind.Relative), null).ProblemAsync(415, ProblemTypes.InvalidRequest);
    }

    [Theory]
    [InlineData("")]
    [InlineData("--b\r\n")]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"x\"\r\n\r\nabc")]
    [InlineData("--b\r\nnot a header\r\n\r\nabc\r\n--b--\r\n")]
    [InlineData("--b\r\n\r\nabc\r\n--b--\r\n")]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"other\"; filename=\"x\"\r\n\r\nabc\r\n--b--\r\n")]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"colour\"\r\n\r\nred\r\n--b--\r\n")]
    public async Task A_malformed_form_is_a_400(string body)
    {
        using ByteArrayContent content = new(Encoding.ASCII.GetBytes(body));
        content.Headers.TryAddWithoutValidation("Content-Type", "multipart/form-data; boundary=b");
        await _client.PostAsync(new Uri("/api/v1/detect", UriKind.Relative), content).ProblemAsync(400, ProblemTypes.InvalidRequest);
    }

    [Fact]
    public async Task A_form_without_a_boundary_is_a_400()
    {
        using ByteArrayContent content = new([1]);
        content.Headers.TryAddWithoutValidation("Content-Type", "multipart/form-data");
        await _client.PostAsync(new Uri("/api/v1/detect", UriKind.Relative), content).ProblemAsync(400, ProblemTypes.InvalidRequest);
    }

    [Fact]
    public async Task A_parameter_that_nobody_asked_for_is_refused_with_those_that_exist()
    {
        using ByteArrayContent image = new([1, 2, 3]);
        image.Headers.ContentType = new("image/jpeg");
        Problem problem = await _client.PostAsync(new Uri("/api/v1/templates?facs=all", UriKind.Relative), image).ProblemAsync(400, ProblemTypes.InvalidRequest);
        problem.Detail.ShouldContain("'facs'");
        problem.Detail.ShouldContain("faces");
    }

    [Fact]
    public async Task A_bad_idempotency_key_is_a_400()
    {
        using HttpRequestMessage request = new(HttpMethod.Delete, "/api/v1/galleries/g/identities/x");
        request.Headers.TryAddWithoutValidation(HttpApi.OperationHeader, new string('k', 200));
        (await _client.SendAsync(request).ProblemAsync(400, ProblemTypes.InvalidRequest)).Detail.ShouldContain(HttpApi.OperationHeader);
    }

    [Fact]
    public async Task The_pages_come_from_this_server_alone()
    {
        using HttpResponseMessage page = await GetAsync("/");
        string csp = page.Headers.GetValues("Content-Security-Policy").Single();
        csp.ShouldContain("default-src 'none'");
        csp.ShouldNotContain("unsafe");
        page.Headers.GetValues("X-Content-Type-Options").Single().ShouldBe("nosniff");
        string html = await page.Content.ReadAsStringAsync();
        html.ShouldNotContain("http://");
        html.ShouldNotContain("https://");
        html.ShouldNotContain("style=");
        html.ShouldNotContain("onclick");
        foreach (string file in new[] { "style.css", "icon.svg", "app.js", "api.js", "ui.js", "photo.js", "identify.js", "enrol.js", "people.js", "status.js" })
        {
            using HttpResponseMessage asset = await GetAsync("/console/" + file);
            asset.StatusCode.ShouldBe(HttpStatusCode.OK, file);
            string text = await asset.Content.ReadAsStringAsync();
            text.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal).ShouldNotContain("://", Case.Insensitive, file);
            text.ShouldNotContain("innerHTML");
            using HttpRequestMessage again = new(HttpMethod.Get, "/console/" + file);
            again.Headers.IfNoneMatch.Add(asset.Headers.ETag!);
            (await _client.SendAsync(again)).StatusCode.ShouldBe(HttpStatusCode.NotModified, file);
        }
        string reference = await (await GetAsync("/reference")).Content.ReadAsStringAsync();
        reference.ShouldNotContain("cdn.");
        reference.ShouldNotContain("src=\"http");
    }

    [Fact]
    public async Task Readiness_lists_the_checks_and_a_missing_detector_is_a_remark()
    {
        HealthResponse ready = await GetAsync("/health/ready").ReadAsync(FaceSearchJson.Default.HealthResponse);
        ready.Status.ShouldBe("degraded");
        ready.Checks.Single(c => c.Name == "detector").Detail!.ShouldContain("facesearch models pull");
        ready.Checks.Single(c => c.Name == "galleries").Status.ShouldBe("healthy");
        (await GetAsync("/health/live")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await GetAsync("/api/v1/version").ReadAsync(FaceSearchJson.Default.VersionResponse)).Api.ShouldBe("1");
    }

    [Fact]
    public async Task Metrics_count_enrolments_decisions_and_rejections()
    {
        string gallery = await fixture.Server.GalleryAsync("metrics");
        await _client.PostAsync($"/api/v1/galleries/{gallery}/identities", new EnrolRequest { Embeddings = [Vectors.Of(50)] }, FaceSearchJson.Default.EnrolRequest);
        await _client.PostAsync($"/api/v1/galleries/{gallery}/identify", new IdentifyRequest { Embedding = Vectors.Of(50) }, FaceSearchJson.Default.IdentifyRequest);
        await GetAsync("/api/v1/galleries/nowhere").ProblemAsync(404, ProblemTypes.GalleryNotFound);
        string metrics = await (await GetAsync("/metrics")).Content.ReadAsStringAsync();
        metrics.ShouldContain("facesearch_enrolments_total{");
        metrics.ShouldContain("outcome=\"enrolled\"");
        metrics.ShouldContain("facesearch_identify_duration_seconds_bucket{");
        metrics.ShouldContain("decision=\"match\"");
        metrics.ShouldContain("problem=\"gallery-not-found\"");
        metrics.ShouldContain("http_server_request_duration_seconds_bucket");
    }

    private Task<HttpResponseMessage> GetAsync(string path) => _client.GetAsync(new Uri(path, UriKind.Relative));
}
