using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Recognition;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Vision.Tests;

namespace FaceSearch.EndToEnd.Tests.Images;

/// <summary>The corpus of hostile and unusual uploads through the HTTP API.</summary>
public sealed class BadImageUploadTests(ServerWithModels models) : IClassFixture<ServerWithModels>
{
    private const long AllowedGrowth = 256L << 20;

    [Fact]
    public async Task Every_bad_image_ends_in_a_typed_refusal_or_an_answer_and_memory_stays_bounded()
    {
        ServerProcess server = models.Server;
        await server.CreateGalleryAsync("uploads");
        string photo = SharedData.Scene("astronaut_512x512.png");
        await server.IdentifyImageAsync("uploads", photo);
        long before = server.ResidentBytes(), most = 0;
        foreach (BadImage image in BadImages.All())
        {
            using CancellationTokenSource limit = new(TimeSpan.FromSeconds(20));
            using HttpRequestMessage request = new(HttpMethod.Post, "/api/v1/galleries/uploads/identify") { Content = new ByteArrayContent(image.Bytes) };
            request.Content.Headers.ContentType = new("application/octet-stream");
            using HttpResponseMessage response = await server.Http.SendAsync(request, limit.Token);
            JsonElement body = JsonDocument.Parse(await response.Content.ReadAsStringAsync(limit.Token)).RootElement;
            int status = (int)response.StatusCode;
            status.ShouldBeInRange(200, 499, image.Name);
            if (status >= 400)
            {
                response.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json", image.Name);
                body.GetProperty("type").GetString().ShouldStartWith("urn:facesearch:problem:", Case.Sensitive, image.Name);
                body.GetProperty("detail").GetString().ShouldNotBeNullOrWhiteSpace(image.Name);
            }
            // Pictures that must be accepted hold no face: then the answer says so.
            if (image.Code is null)
                (status is 200 || body.GetProperty("type").GetString()!.EndsWith(":no-face", StringComparison.Ordinal)).ShouldBeTrue($"{image.Name}: {body}");
            most = Math.Max(most, server.ResidentBytes() - before);
        }
        most.ShouldBeLessThan(AllowedGrowth);
        await server.IdentifyImageAsync("uploads", photo);
    }
}
