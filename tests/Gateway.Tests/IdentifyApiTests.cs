using FaceSearch.Http;

namespace FaceSearch.Gateway.Tests;

[Collection(ServerCollection.Name)]
public sealed class IdentifyApiTests(ServerFixture fixture)
{
    private readonly HttpClient _client = fixture.Server.Client;

    [Theory]
    [InlineData("""{"top":3}""", "exactly one of 'image' and 'embedding'")]
    [InlineData("""{"embedding":E,"top":0}""", "'top'")]
    [InlineData("""{"embedding":E,"top":101}""", "'top'")]
    [InlineData("""{"embedding":E,"threshold":{}}""", "threshold")]
    [InlineData("""{"embedding":E,"margin":-1}""", "'margin'")]
    [InlineData("""{"embedding":E,"filter":{"team":[]}}""", "filter.team")]
    [InlineData("""{"embedding":E,"timeoutMs":0}""", "'timeoutMs'")]
    [InlineData("""{"embedding":E,"timeoutMs":600000}""", "'timeoutMs'")]
    [InlineData("""{"embedding":E,"image":"AAAA"}""", "exactly one")]
    [InlineData("""{"embedding":E,"embedding":E}""", "embedding")]
    public async Task A_bad_question_is_a_400_that_names_what_is_wrong(string json, string named)
    {
        string gallery = await fixture.Server.GalleryAsync("ask-" + Guid.NewGuid().ToString("n")[..8]);
        string body = json.Replace("E", $"\"{Convert.ToBase64String(Vectors.Of(1).Bytes)}\"", StringComparison.Ordinal);
        Problem problem = await PostAsync(gallery, body).ProblemAsync(400, ProblemTypes.InvalidRequest);
        problem.Detail.ShouldContain(named);
    }

    [Fact]
    public async Task A_gallery_that_is_not_there_is_a_404() => await PostAsync("nowhere", Question(1)).ProblemAsync(404, ProblemTypes.GalleryNotFound);

    [Fact]
    public async Task Two_that_are_too_close_are_ambiguous_and_a_filter_decides()
    {
        string gallery = await fixture.Server.GalleryAsync("ask-close");
        foreach ((string id, int noise, string team) in new[] { ("ada", 1, "a"), ("bea", 2, "b") })
        {
            await _client.PostAsync($"/api/v1/galleries/{gallery}/identities", new EnrolRequest
            {
                Identity = id,
                Embeddings = [Vectors.Near(9, 0.95f, noise)],
                Metadata = new Dictionary<string, string> { ["team"] = team },
                OnConflict = ConflictPolicy.Allow,
            }, FaceSearchJson.Default.EnrolRequest).ReadAsync(FaceSearchJson.Default.EnrolResponse, System.Net.HttpStatusCode.Created);
        }
        IdentifyRequest ask = new() { Embedding = Vectors.Of(9), Margin = 0.2f };
        FaceResult open = (await AskAsync(gallery, ask)).Results[0];
        (open.Decision, open.Candidates.Count).ShouldBe((Decision.Ambiguous, 2));
        FaceResult filtered = (await AskAsync(gallery, ask with { Filter = new Dictionary<string, string[]> { ["team"] = ["b"] } })).Results[0];
        (filtered.Decision, filtered.Candidates[0].Identity).ShouldBe((Decision.Match, "bea"));
        FaceResult strict = (await AskAsync(gallery, ask with { Margin = 0, Threshold = new ThresholdPolicy(Score: 0.999f) })).Results[0];
        strict.Decision.ShouldBe(Decision.Unknown);
        strict.Threshold.Source.ShouldBe("fixed");
    }

    [Fact]
    public async Task One_to_one_comparison_with_an_identity_says_the_threshold_and_its_rate()
    {
        string gallery = await fixture.Server.GalleryAsync("ask-verify");
        await _client.PostAsync($"/api/v1/galleries/{gallery}/identities", new EnrolRequest { Identity = "ada", Embeddings = [Vectors.Of(11)] }, FaceSearchJson.Default.EnrolRequest)
            .ReadAsync(FaceSearchJson.Default.EnrolResponse, System.Net.HttpStatusCode.Created);
        string path = $"/api/v1/galleries/{gallery}/identities/ada/verify";
        IdentityVerifyResponse same = await _client.PostAsync(path, new IdentityVerifyRequest { Embedding = Vectors.Near(11, 0.9f), Fmr = 1e-4 }, FaceSearchJson.Default.IdentityVerifyRequest)
            .ReadAsync(FaceSearchJson.Default.IdentityVerifyResponse);
        same.Same.ShouldBeTrue();
        same.Fmr.ShouldBe(1e-4);
        same.Score.ShouldBeGreaterThan(same.Threshold);
        (await _client.PostAsync(path, new IdentityVerifyRequest { Embedding = Vectors.Of(12) }, FaceSearchJson.Default.IdentityVerifyRequest).ReadAsync(FaceSearchJson.Default.IdentityVerifyResponse)).Same.ShouldBeFalse();
        await _client.PostAsync(path, new IdentityVerifyRequest { Embedding = Vectors.Of(12), Fmr = 2 }, FaceSearchJson.Default.IdentityVerifyRequest).ProblemAsync(400, ProblemTypes.InvalidRequest);
    }

    [Fact]
    public async Task Without_a_model_images_are_a_503_that_says_what_to_do()
    {
        using ByteArrayContent image = new([0xFF, 0xD8, 0xFF]);
        image.Headers.ContentType = new("image/jpeg");
        Problem problem = await _client.PostAsync(new Uri("/api/v1/templates", UriKind.Relative), image).ProblemAsync(503, ProblemTypes.ModelNotInstalled);
        problem.Detail.ShouldContain("facesearch models pull");
    }

    private Task<HttpResponseMessage> PostAsync(string gallery, string json) => _client.PostAsync(new Uri($"/api/v1/galleries/{gallery}/identify", UriKind.Relative), GalleryApiTests.Body(json));

    private Task<IdentifyResponse> AskAsync(string gallery, IdentifyRequest request) =>
        _client.PostAsync($"/api/v1/galleries/{gallery}/identify", request, FaceSearchJson.Default.IdentifyRequest).ReadAsync(FaceSearchJson.Default.IdentifyResponse);

    private static string Question(int seed) => $$"""{"embedding":"{{Convert.ToBase64String(Vectors.Of(seed).Bytes)}}"}""";
}
