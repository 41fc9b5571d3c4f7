using System.Net;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Tests;

/// <summary>With the real models and real photographs, through HTTP.</summary>
[Trait("Category", "Slow")]
public sealed class ImageApiTests : IAsyncLifetime
{
    private TestServer _server = null!;
    private string _gallery = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync(SharedData.Models);
        _gallery = "faces";
        await _server.Client.PutAsync("/api/v1/galleries/faces", new GalleryRequest(), FaceSearchJson.Default.GalleryRequest).ReadAsync(FaceSearchJson.Default.GalleryDescription, HttpStatusCode.Created);
    }

    public ValueTask DisposeAsync() => _server is null ? ValueTask.CompletedTask : _server.DisposeAsync();

    [Fact]
    public async Task A_person_enrolled_from_a_form_is_found_from_a_raw_body_in_every_orientation()
    {
        using MultipartFormDataContent form = new()
        {
            { new ByteArrayContent(File.ReadAllBytes(SharedData.Scene("astronaut_512x512.png"))), "image", "very-secret-name.png" },
            { new StringContent("astronaut"), "identity" },
            { new StringContent("""{"role":"pilot"}"""), "metadata" },
        };
        EnrolResponse enrolled = await _server.Client.PostAsync(new Uri($"/api/v1/galleries/{_gallery}/identities", UriKind.Relative), form)
            .ReadAsync(FaceSearchJson.Default.EnrolResponse, HttpStatusCode.Created);
        Face face = enrolled.Templates.ShouldHaveSingleItem().Face.ShouldNotBeNull();
        face.Landmarks!.Count.ShouldBe(5);
        face.Quality.Overall!.Value.ShouldBeGreaterThan(0);
        for (int orientation = 1; orientation <= 8; orientation++)
        {
            IdentifyResponse answer = await PostImageAsync("/identify?top=1", File.ReadAllBytes(SharedData.Scene($"exif_orientation/astronaut_o{orientation}.jpg"))).ReadAsync(FaceSearchJson.Default.IdentifyResponse);
            FaceResult result = answer.Results.ShouldHaveSingleItem();
            (result.Decision, result.Candidates[0].Identity).ShouldBe((Decision.Match, "astronaut"));
            result.Candidates[0].Score.ShouldBeGreaterThan(0.95f);
            (answer.Width, answer.Height).ShouldBe((400, 512));
            answer.OperatingPoints.ShouldNotBeEmpty();
        }
        _server.Log.Text.ShouldNotContain("very-secret-name");
    }

    [Fact]
    public async Task A_group_photograph_is_refused_with_boxes_unless_a_face_is_chosen()
    {
        byte[] solvay = File.ReadAllBytes(SharedData.Scene("solvay_1927_1024x741.jpg"));
        DetectResponse detected = await PostAsync("/api/v1/detect", solvay).ReadAsync(FaceSearchJson.Default.DetectResponse);
        detected.Faces.Count.ShouldBe(29);
        (detected.Width, detected.Height).ShouldBe((1024, 741));
        Problem several = await PostImageAsync("/identities", solvay).ProblemAsync(422, ProblemTypes.SeveralFaces);
        several.Faces!.Count.ShouldBe(29);
        EnrolResponse one = await PostImageAsync("/identities?faces=largest&identity=solvay", solvay).ReadAsync(FaceSearchJson.Default.EnrolResponse, HttpStatusCode.Created);
        one.Templates.Count.ShouldBe(1);
        IdentifyResponse all = await PostImageAsync("/identify", solvay).ReadAsync(FaceSearchJson.Default.IdentifyResponse);
        all.Results.Count.ShouldBe(29);
        all.Results.MaxBy(r => r.Candidates[0].Score)!.Decision.ShouldBe(Decision.Match);
        // The other faces are 25 to 32 pixels wide: such pictures of different people resemble each other more than good ones do.
        all.Results.Count(r => r.Decision == Decision.Match).ShouldBeLessThanOrEqualTo(6);
    }

    [Fact]
    public async Task Bad_images_are_typed_and_named_one_by_one()
    {
        byte[] good = File.ReadAllBytes(SharedData.Scene("astronaut_512x512.png"));
        (await PostImageAsync("/identities", [1, 2, 3, 4]).ProblemAsync(422, ProblemTypes.ImageRejected)).Reason.ShouldBe("unsupported-format");
        (await PostImageAsync("/identify", []).ProblemAsync(422, ProblemTypes.ImageRejected)).Reason.ShouldBe("empty");
        await PostImageAsync("/identify", good[..2_000]).ProblemAsync(422, ProblemTypes.ImageRejected);
        using MultipartFormDataContent form = new()
        {
            { new ByteArrayContent(good), "image", "a.png" },
            { new ByteArrayContent([9, 9, 9]), "image", "b.png" },
            { new StringContent("mixed"), "identity" },
        };
        EnrolResponse mixed = await _server.Client.PostAsync(new Uri($"/api/v1/galleries/{_gallery}/identities", UriKind.Relative), form).ReadAsync(FaceSearchJson.Default.EnrolResponse, HttpStatusCode.Created);
        mixed.Templates.ShouldHaveSingleItem().Image.ShouldBe(0);
        mixed.Rejected.ShouldHaveSingleItem().Image.ShouldBe(1);
    }

    [Fact]
    public async Task Two_images_are_compared_and_templates_are_handed_out()
    {
        using MultipartFormDataContent same = new()
        {
            { new ByteArrayContent(File.ReadAllBytes(SharedData.Lfw("George_W_Bush_0001.jpg"))), "a", "a.jpg" },
            { new ByteArrayContent(File.ReadAllBytes(SharedData.Lfw("George_W_Bush_0002.jpg"))), "b", "b.jpg" },
        };
        VerifyResponse bush = await _server.Client.PostAsync(new Uri("/api/v1/verify", UriKind.Relative), same).ReadAsync(FaceSearchJson.Default.VerifyResponse);
        bush.Same.ShouldBeTrue();
        bush.Fmr.ShouldBe(1e-3);
        TemplateResponse templates = await PostAsync("/api/v1/templates?faces=largest", File.ReadAllBytes(SharedData.Lfw("George_W_Bush_0001.jpg"))).ReadAsync(FaceSearchJson.Default.TemplateResponse);
        VerifyRequest mixed = new() { A = new FaceInput { Embedding = templates.Templates.ShouldHaveSingleItem().Embedding }, B = new FaceInput { Image = File.ReadAllBytes(SharedData.Scene("astronaut_512x512.png")) } };
        (await _server.Client.PostAsync("/api/v1/verify", mixed, FaceSearchJson.Default.VerifyRequest).ReadAsync(FaceSearchJson.Default.VerifyResponse)).Same.ShouldBeFalse();
    }

    [Fact]
    public async Task A_bulk_form_of_photographs_enrols_each_under_its_folders_name_and_can_be_sent_again()
    {
        async Task<List<BulkLine>> SendAsync()
        {
            using MultipartFormDataContent form = new()
            {
                { new ByteArrayContent(File.ReadAllBytes(SharedData.Lfw("George_W_Bush_0001.jpg"))), "file", "import/George W Bush/1.jpg" },
                { new ByteArrayContent(File.ReadAllBytes(SharedData.Lfw("Colin_Powell_0001.jpg"))), "file", "Colin Powell/1.jpg" },
                { new ByteArrayContent([0]), "file", "Nobody/1.jpg" },
            };
            using HttpRequestMessage request = new(HttpMethod.Post, $"/api/v1/galleries/{_gallery}/bulk?faces=central") { Content = form };
            request.Headers.Add(HttpApi.OperationHeader, "import-1");
            return BulkApiTests.Parse(await (await _server.Client.SendAsync(request)).Content.ReadAsStringAsync());
        }
        List<BulkLine> lines = await SendAsync();
        lines.Where(l => l.Status == BulkItemStatus.Enrolled).Select(l => l.Identity).ShouldBe(["George W Bush", "Colin Powell"], ignoreOrder: true);
        lines.Single(l => l.Status == BulkItemStatus.Rejected).Problem!.Slug.ShouldBe(ProblemTypes.ImageRejected);
        (await SendAsync())[^1].Summary!.Replayed.ShouldBe(2);
    }

    private Task<HttpResponseMessage> PostImageAsync(string rest, byte[] image) => PostAsync($"/api/v1/galleries/{_gallery}{rest}", image);

    private Task<HttpResponseMessage> PostAsync(string path, byte[] image)
    {
        ByteArrayContent content = new(image);
        content.Headers.ContentType = new("application/octet-stream");
        return _server.Client.PostAsync(new Uri(path, UriKind.Relative), content);
    }
}
