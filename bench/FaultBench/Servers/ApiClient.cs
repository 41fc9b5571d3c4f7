using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace FaceSearch.FaultBench.Servers;

/// <summary>An answer, or none.</summary>
/// <param name="Status">Null: no answer came (connection broken or refused, or no answer in time).</param>
/// <param name="Body">The answer's JSON.</param>
/// <param name="Took">From sending to the end of the answer.</param>
/// <param name="SaysWhen">Whether it carries Retry-After.</param>
internal sealed record Reply(HttpStatusCode? Status, JsonElement Body, TimeSpan Took, bool SaysWhen)
{
    public bool IsSuccess => Status is { } status && (int)status is >= 200 and < 300;

    /// <summary>Said no for certain: nothing was done, and the same request will not do it.</summary>
    public bool IsRefusal => Status is { } status && (int)status is >= 400 and < 500;

    /// <summary>For counting: "503", "503 without Retry-After", "no answer".</summary>
    public string Kind => Status is not { } status ? "no answer"
        : status is HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests && !SaysWhen ? $"{(int)status} without Retry-After" : $"{(int)status}";

    public string Text => Body.ValueKind == JsonValueKind.Undefined ? Kind : $"{Kind} {Body.GetRawText()}";
}

/// <summary>Plain JSON over HTTP to one server.</summary>
internal sealed class ApiClient : IDisposable
{
    private const string Gallery = "/api/v1/galleries/" + GalleryName;
    public const string GalleryName = "ledger";

    private readonly HttpClient _http;

    public ApiClient(string name, string url, string key, int connections = 512)
    {
        Name = name;
        _http = new HttpClient(new SocketsHttpHandler { UseCookies = false, UseProxy = false, MaxConnectionsPerServer = connections, ConnectTimeout = TimeSpan.FromSeconds(3) })
        {
            BaseAddress = new Uri(url),
            Timeout = TimeSpan.FromSeconds(40),
        };
        _http.DefaultRequestHeaders.Add("X-Api-Key", key);
    }

    public string Name { get; }

    public async Task<bool> IsReadyAsync()
    {
        try
        {
            using CancellationTokenSource limit = new(TimeSpan.FromSeconds(2));
            using HttpResponseMessage answer = await _http.GetAsync("/health/ready", limit.Token);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }

    public Task<Reply> CreateGalleryAsync(int shards) => SendAsync(HttpMethod.Put, Gallery, new { shards });

    public Task<Reply> CreateKeyAsync() => SendAsync(HttpMethod.Post, "/api/v1/keys", new { name = new string('k', 100), role = "identify" });

    public Task<Reply> ListKeysAsync() => SendAsync(HttpMethod.Get, "/api/v1/keys", null);

    public Task<Reply> EnrolAsync(string person, float[] face, string operation) =>
        SendAsync(HttpMethod.Post, $"{Gallery}/identities", new { identity = person, embeddings = new[] { face }, onConflict = "allow" }, operation);

    public Task<Reply> EraseAsync(string person, string operation) => SendAsync(HttpMethod.Delete, $"{Gallery}/identities/{person}", null, operation);

    public Task<Reply> DescribeAsync(string person) => SendAsync(HttpMethod.Get, $"{Gallery}/identities/{person}", null);

    public Task<Reply> TouchAsync(string person, string value) => SendAsync(HttpMethod.Put, $"{Gallery}/identities/{person}/metadata", new { touched = value });

    public Task<Reply> IdentifyAsync(float[] face, int? timeoutMs = null, bool allowPartial = false) =>
        SendAsync(HttpMethod.Post, $"{Gallery}/identify", new { embedding = face, top = 5, timeoutMs = timeoutMs ?? 2_000, allowPartial });

    public Task<Reply> ListAsync(string? after) => SendAsync(HttpMethod.Get, $"{Gallery}/identities?limit=1000{(after is null ? "" : "&after=" + after)}", null);

    public void Dispose() => _http.Dispose();

    private async Task<Reply> SendAsync(HttpMethod method, string path, object? content, string? operation = null)
    {
        long begin = Stopwatch.GetTimestamp();
        try
        {
            using HttpRequestMessage request = new(method, path) { Content = content is null ? null : JsonContent.Create(content) };
            if (operation is not null)
                request.Headers.Add("Idempotency-Key", operation);
            using HttpResponseMessage answer = await _http.SendAsync(request);
            byte[] body = await answer.Content.ReadAsByteArrayAsync();
            TimeSpan took = Stopwatch.GetElapsedTime(begin);
            return new Reply(answer.StatusCode, Parse(body), took, answer.Headers.RetryAfter is not null);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            return new Reply(null, default, Stopwatch.GetElapsedTime(begin), false);
        }
    }

    private static JsonElement Parse(byte[] body)
    {
        if (body.Length == 0)
            return default;
        using JsonDocument document = JsonDocument.Parse(body);
        return document.RootElement.Clone();
    }
}
