using System.Net;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Tests;

/// <summary>What the API says of retention and re-embedding, on a server without models.</summary>
[Collection(ServerCollection.Name)]
public sealed class ReembeddingApiTests(ServerFixture fixture)
{
    private readonly HttpClient _client = fixture.Server.Client;

    [Fact]
    public async Task A_gallery_of_ready_embeddings_says_that_it_can_neither_move_nor_be_trained_on()
    {
        GalleryDescription made = await PutAsync("ready", "{}").ReadAsync(FaceSearchJson.Default.GalleryDescription, HttpStatusCode.Created);
        made.Impossible.ShouldNotBeNull().ShouldHaveSingleItem().ShouldContain("callers' own");
        (made.Settings.Retention, made.Settings.AutoUpgrade, made.Reembedding).ShouldBe((Retention.None, true, null));
        (await PostAsync("ready/reembedding", """{"model":"another"}""").ProblemAsync(409, ProblemTypes.ReembeddingImpossible)).Detail.ShouldContain("callers' own");
        await _client.GetAsync(Path("ready/reembedding")).ProblemAsync(404, ProblemTypes.ReembeddingNotFound);
        await _client.DeleteAsync(Path("ready/reembedding")).ProblemAsync(404, ProblemTypes.ReembeddingNotFound);
        await PostAsync("ready/reembedding/rollback", null).ProblemAsync(404, ProblemTypes.ReembeddingNotFound);
        await PostAsync("ready/reembedding/retire", null).ProblemAsync(404, ProblemTypes.ReembeddingNotFound);
        await _client.GetAsync(Path("ready/reembedding/missing")).ProblemAsync(404, ProblemTypes.ReembeddingNotFound);
        await _client.GetAsync(Path("nowhere/reembedding")).ProblemAsync(404, ProblemTypes.GalleryNotFound);
    }

    [Fact]
    public async Task What_is_not_valid_is_refused_by_name()
    {
        await PutAsync("keeps", """{"retention":"crop"}""").ProblemAsync(400, ProblemTypes.InvalidRequest);
        await PutAsync("keeps", """{"retention":"everything"}""").ProblemAsync(400, ProblemTypes.InvalidRequest);
        await PutAsync("plain", "{}").ReadAsync(FaceSearchJson.Default.GalleryDescription, HttpStatusCode.Created);
        (await PatchAsync("plain", """{"retention":"crop"}""").ProblemAsync(400, ProblemTypes.InvalidRequest)).Detail.ShouldContain("retention");
        (await PatchAsync("plain", """{"autoUpgrade":false}""").ReadAsync(FaceSearchJson.Default.GalleryDescription)).Settings.AutoUpgrade.ShouldBeFalse();
        (await PostAsync("plain/reembedding", "{}").ProblemAsync(400, ProblemTypes.InvalidRequest)).Detail.ShouldContain("model");
        (await PostAsync("plain/reembedding", """{"model":"a","keepForHours":-1}""").ProblemAsync(400, ProblemTypes.InvalidRequest)).Detail.ShouldContain("keepForHours");
        await _client.GetAsync(Path("plain/reembedding/missing?limit=0")).ProblemAsync(400, ProblemTypes.InvalidRequest);
    }

    [Fact]
    public async Task A_ready_embedding_is_of_the_first_generation_unless_it_says_otherwise()
    {
        await PutAsync("generations", "{}").ReadAsync(FaceSearchJson.Default.GalleryDescription, HttpStatusCode.Created);
        string vector = Convert.ToBase64String(Vectors.Near(1, 0, noise: 1).Bytes);
        await PostAsync("generations/identities", $$"""{"identity":"ada","embeddings":["{{vector}}"],"generation":1}""").ReadAsync(FaceSearchJson.Default.EnrolResponse, HttpStatusCode.Created);
        (await PostAsync("generations/identify", $$"""{"embedding":"{{vector}}"}""").ReadAsync(FaceSearchJson.Default.IdentifyResponse)).Generation.ShouldBe(1);
        await PostAsync("generations/identify", $$"""{"embedding":"{{vector}}","generation":2}""").ProblemAsync(409, ProblemTypes.GenerationMismatch);
        await PostAsync("generations/identities", $$"""{"identity":"bob","embeddings":["{{vector}}"],"generation":2}""").ProblemAsync(409, ProblemTypes.GenerationMismatch);
        await PostAsync("generations/identities/ada/verify", $$"""{"embedding":"{{vector}}","generation":2}""").ProblemAsync(409, ProblemTypes.GenerationMismatch);
    }

    private static Uri Path(string rest) => new($"/api/v1/galleries/{rest}", UriKind.Relative);

    private Task<HttpResponseMessage> PutAsync(string rest, string json) => _client.PutAsync(Path(rest), Json(json));

    private Task<HttpResponseMessage> PatchAsync(string rest, string json) => _client.PatchAsync(Path(rest), Json(json));

    private Task<HttpResponseMessage> PostAsync(string rest, string? json) => _client.PostAsync(Path(rest), json is null ? null : Json(json));

    private static StringContent Json(string json) => new(json, System.Text.Encoding.UTF8, "application/json");
}
