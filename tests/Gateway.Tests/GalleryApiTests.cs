using System.Net;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Tests;

[Collection(ServerCollection.Name)]
public sealed class GalleryApiTests(ServerFixture fixture)
{
    private readonly HttpClient _client = fixture.Server.Client;

    [Fact]
    public async Task A_gallery_is_created_described_changed_listed_and_deleted()
    {
        GalleryDescription made = await _client.PutAsync("/api/v1/galleries/staff",
            new GalleryRequest { Description = "Staff", Model = "external", Threshold = new ThresholdPolicy(TargetFpir: 0.001) }, FaceSearchJson.Default.GalleryRequest)
            .ReadAsync(FaceSearchJson.Default.GalleryDescription, HttpStatusCode.Created);
        made.Settings.Threshold.TargetFpir.ShouldBe(0.001);
        made.Settings.Margin.ShouldBe(0.1f);
        made.Threshold.Source.ShouldBe("prior");

        using HttpRequestMessage patch = new(HttpMethod.Patch, "/api/v1/galleries/staff") { Content = Body("""{"margin":0.1}""") };
        GalleryDescription changed = await _client.SendAsync(patch).ReadAsync(FaceSearchJson.Default.GalleryDescription);
        changed.Settings.Margin.ShouldBe(0.1f);
        changed.Settings.Description.ShouldBe("Staff");
        changed.Settings.Threshold.TargetFpir.ShouldBe(0.001);

        (await _client.GetAsync(new Uri("/api/v1/galleries", UriKind.Relative)).ReadAsync(FaceSearchJson.Default.GalleryList)).Items.ShouldContain(g => g.Id == "staff");
        (await _client.DeleteAsync(new Uri("/api/v1/galleries/staff", UriKind.Relative))).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await _client.GetAsync(new Uri("/api/v1/galleries/staff", UriKind.Relative)).ProblemAsync(404, ProblemTypes.GalleryNotFound);
    }

    [Fact]
    public async Task The_same_gallery_cannot_be_created_twice()
    {
        await fixture.Server.GalleryAsync("twice");
        await _client.PutAsync("/api/v1/galleries/twice", new GalleryRequest(), FaceSearchJson.Default.GalleryRequest).ProblemAsync(409, ProblemTypes.GalleryExists);
    }

    [Theory]
    [InlineData("Upper", "{}", "gallery")]
    [InlineData("ok", """{"margin":7}""", "margin")]
    [InlineData("ok", """{"threshold":{"targetFpir":0.01,"score":0.5}}""", "targetFpir")]
    [InlineData("ok", """{"threshold":{"targetFpir":0.9}}""", "targetFpir")]
    [InlineData("ok", """{"threshold":{"score":3}}""", "score")]
    [InlineData("ok", """{"treshold":{"score":0.3}}""", "treshold")]
    [InlineData("ok", """{"margin":"wide"}""", "margin")]
    [InlineData("ok", """{"margin":}""", "JSON")]
    [InlineData("ok", "", "empty")]
    [InlineData("ok", "null", "null")]
    public async Task A_bad_setting_is_a_400_that_names_it(string name, string json, string named)
    {
        Problem problem = await _client.PutAsync(new Uri($"/api/v1/galleries/{name}", UriKind.Relative), Body(json)).ProblemAsync(400, ProblemTypes.InvalidRequest);
        problem.Detail.ShouldContain(named);
        problem.Detail.ShouldNotContain("FaceSearch.");
    }

    [Fact]
    public async Task An_unknown_model_is_a_404() =>
        await _client.PutAsync("/api/v1/galleries/odd", new GalleryRequest { Model = "nonesuch" }, FaceSearchJson.Default.GalleryRequest).ProblemAsync(404, ProblemTypes.ModelNotFound);

    internal static StringContent Body(string json) => new(json, System.Text.Encoding.UTF8, "application/json");
}
