using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace FaceSearch.EndToEnd.Tests.Server;

/// <summary>The HTTP API as a client would spell it: plain JSON, no records of ours, so that the wire format itself is tested.</summary>
internal static class Api
{
    public static Task<JsonElement> CreateGalleryAsync(this ServerProcess server, string gallery, object? settings = null) =>
        server.SendAsync(HttpMethod.Put, $"/api/v1/galleries/{gallery}", JsonContent.Create(settings ?? new { }));

    public static Task<JsonElement> EnrolAsync(this ServerProcess server, string gallery, string identity, float[] embedding, string? operation = null, string onConflict = "allow") =>
        server.SendAsync(HttpMethod.Post, $"/api/v1/galleries/{gallery}/identities",
            JsonContent.Create(new { identity, embeddings = new[] { embedding }, onConflict }), operation);

    public static Task<JsonElement> EnrolImageAsync(this ServerProcess server, string gallery, string identity, string file, string query = "") =>
        server.SendAsync(HttpMethod.Post, $"/api/v1/galleries/{gallery}/identities{query}", Multipart(identity, file));

    public static Task<JsonElement> IdentifyAsync(this ServerProcess server, string gallery, float[] embedding, int top = 5) =>
        server.SendAsync(HttpMethod.Post, $"/api/v1/galleries/{gallery}/identify", JsonContent.Create(new { embedding, top }));

    public static Task<JsonElement> IdentifyImageAsync(this ServerProcess server, string gallery, string file, string query = "") =>
        server.SendAsync(HttpMethod.Post, $"/api/v1/galleries/{gallery}/identify{query}", new ByteArrayContent(File.ReadAllBytes(file)));

    /// <summary>Sends NDJSON lines and returns the summary that ends the answer.</summary>
    public static async Task<JsonElement> BulkAsync(this ServerProcess server, string gallery, string lines)
    {
        StringContent content = new(lines, Encoding.UTF8, "application/x-ndjson");
        using HttpResponseMessage response = await server.TrySendAsync(HttpMethod.Post, $"/api/v1/galleries/{gallery}/bulk", content);
        string[] answers = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        response.IsSuccessStatusCode.ShouldBeTrue(answers.FirstOrDefault());
        return JsonDocument.Parse(answers[^1]).RootElement.GetProperty("summary");
    }

    public static Task<JsonElement> GetAsync(this ServerProcess server, string path) => server.SendAsync(HttpMethod.Get, path, null);

    /// <summary>Sends and returns the body; fails the test with the problem's text on an error.</summary>
    public static async Task<JsonElement> SendAsync(this ServerProcess server, HttpMethod method, string path, HttpContent? content, string? operation = null)
    {
        using HttpResponseMessage response = await server.TrySendAsync(method, path, content, operation);
        string body = await response.Content.ReadAsStringAsync();
        response.IsSuccessStatusCode.ShouldBeTrue($"{method} {path}: {(int)response.StatusCode} {body}\n{server.Output}");
        return body.Length == 0 ? default : JsonDocument.Parse(body).RootElement;
    }

    /// <summary>Sends and returns whatever comes back.</summary>
    public static async Task<HttpResponseMessage> TrySendAsync(this ServerProcess server, HttpMethod method, string path, HttpContent? content, string? operation = null)
    {
        using HttpRequestMessage request = new(method, path) { Content = content };
        if (content is ByteArrayContent and not StringContent && content.Headers.ContentType is null)
            content.Headers.ContentType = new("application/octet-stream");
        if (operation is not null)
            request.Headers.Add("Idempotency-Key", operation);
        return await server.Http.SendAsync(request);
    }

    public static MultipartFormDataContent Multipart(string identity, params string[] files)
    {
        MultipartFormDataContent form = new() { { new StringContent(identity), "identity" } };
        foreach (string file in files)
            form.Add(new ByteArrayContent(File.ReadAllBytes(file)), "image", Path.GetFileName(file));
        return form;
    }

    public static string Line(object item) => JsonSerializer.Serialize(item) + "\n";

    public static string Base64(float[] embedding)
    {
        byte[] bytes = new byte[embedding.Length * sizeof(float)];
        Buffer.BlockCopy(embedding, 0, bytes, 0, bytes.Length);
        return Convert.ToBase64String(bytes);
    }

    public static string Name(int person) => string.Create(CultureInfo.InvariantCulture, $"person-{person:d6}");
}
