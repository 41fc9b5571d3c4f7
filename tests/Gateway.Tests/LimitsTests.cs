using System.Net;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Tests;

public sealed class LimitsTests
{
    [Fact]
    public async Task More_requests_a_second_than_allowed_are_429_with_retry_after()
    {
        await using TestServer server = await TestServer.StartAsync(configure: o => o.RequestsPerSecond = 2);
        List<HttpResponseMessage> responses = [];
        for (int i = 0; i < 6; i++)
            responses.Add(await server.Client.GetAsync(new Uri("/api/v1/version", UriKind.Relative)));
        HttpResponseMessage[] refused = [.. responses.Where(r => r.StatusCode == HttpStatusCode.TooManyRequests)];
        refused.ShouldNotBeEmpty();
        refused[0].Headers.RetryAfter!.Delta!.Value.ShouldBeGreaterThanOrEqualTo(TimeSpan.FromSeconds(1));
        (await Task.FromResult(refused[0]).ProblemAsync(429, ProblemTypes.TooManyRequests)).RetryAfterSeconds.ShouldNotBeNull();
        (await server.Client.GetAsync(new Uri("/health/live", UriKind.Relative))).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task More_bulk_streams_than_allowed_are_429_and_a_place_comes_free()
    {
        await using TestServer server = await TestServer.StartAsync(configure: o => o.BulkStreams = 1);
        string path = $"/api/v1/galleries/{await server.GalleryAsync()}/bulk";
        TaskCompletionSource go = new();
        await using RawRequest held = await RawRequest.OpenAsync(server.Address, path, HttpApi.NdjsonMediaType);
        using StreamedContent body = new(async stream =>
        {
            await stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(BulkApiTests.Lines([new BulkItem { OperationId = "1", Embedding = Vectors.Of(1) }])));
            await go.Task;
        });
        Task sending = held.SendChunksAsync(body);
        await held.ReadUntilAsync("enrolled");
        using StringContent other = new("", null, HttpApi.NdjsonMediaType);
        await server.Client.PostAsync(new Uri(path, UriKind.Relative), other).ProblemAsync(429, ProblemTypes.TooManyRequests);
        go.SetResult();
        await sending;
        await held.ReadUntilAsync("summary");
        // The place comes free just after the last byte.
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(20));
        while ((await server.Client.PostAsync(new Uri(path, UriKind.Relative), other, patience.Token)).StatusCode == HttpStatusCode.TooManyRequests)
            await Task.Yield();
    }

    [Fact]
    public async Task A_body_or_an_image_over_the_limit_is_413_and_the_connection_survives()
    {
        await using TestServer server = await TestServer.StartAsync(configure: o =>
        {
            o.MaxSmallRequestBytes = 4_096;
            o.Images = new Vision.ImageLimits { MaxBytes = 10_000 };
        });
        using StringContent settings = GalleryApiTests.Body("{\"description\":\"" + new string('x', 10_000) + "\"}");
        await server.Client.PutAsync(new Uri("/api/v1/galleries/g", UriKind.Relative), settings).ProblemAsync(413, ProblemTypes.TooLarge);
        using ByteArrayContent image = new(new byte[12_000]);
        image.Headers.ContentType = new("image/png");
        (await server.Client.PostAsync(new Uri("/api/v1/detect", UriKind.Relative), image).ProblemAsync(413, ProblemTypes.TooLarge)).Detail.ShouldContain("10,000");
        using ByteArrayContent huge = new(new byte[1_000_000]);
        huge.Headers.ContentType = new("image/png");
        await server.Client.PostAsync(new Uri("/api/v1/detect", UriKind.Relative), huge).ProblemAsync(413, ProblemTypes.TooLarge);
        using MultipartFormDataContent form = new() { { new ByteArrayContent(new byte[12_000]), "image", "secret-name.png" } };
        await server.Client.PostAsync(new Uri("/api/v1/detect", UriKind.Relative), form).ProblemAsync(413, ProblemTypes.TooLarge);
        await server.GalleryAsync();
        server.Log.Text.ShouldNotContain("secret-name");
    }
}
