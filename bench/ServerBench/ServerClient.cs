using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using FaceSearch.Http;

namespace FaceSearch.ServerBench;

/// <summary>The calls that the measurements make.</summary>
internal sealed class ServerClient : IDisposable
{
    private readonly HttpClient _http;

    /// <param name="url">Of the server.</param>
    /// <param name="key">API key; null: none, which a server on loopback without keys allows.</param>
    public ServerClient(string url, string? key = null)
    {
        _http = new HttpClient(new SocketsHttpHandler { UseCookies = false, UseProxy = false, MaxConnectionsPerServer = 256 })
        {
            BaseAddress = new Uri(url),
            Timeout = TimeSpan.FromMinutes(30),
        };
        if (key is not null)
            _http.DefaultRequestHeaders.Add("X-Api-Key", key);
    }

    public async Task<bool> IsLiveAsync(CancellationToken cancellation)
    {
        try
        {
            using HttpResponseMessage answer = await _http.GetAsync("/health/live", cancellation);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    public async Task CreateGalleryAsync(string gallery, GalleryRequest request, CancellationToken cancellation)
    {
        using HttpResponseMessage answer = await _http.PutAsJsonAsync($"{HttpApi.Base}/galleries/{gallery}", request, FaceSearchJson.Default.GalleryRequest, cancellation);
        await EnsureAsync(answer, cancellation);
    }

    public async Task<GalleryDescription> DescribeAsync(string gallery, CancellationToken cancellation) =>
        (await _http.GetFromJsonAsync($"{HttpApi.Base}/galleries/{gallery}", FaceSearchJson.Default.GalleryDescription, cancellation))!;

    /// <summary>Asks for a calibration, as the growing gallery would itself.</summary>
    public async Task CalibrateAsync(string gallery, CancellationToken cancellation)
    {
        using HttpResponseMessage answer = await _http.PostAsync($"{HttpApi.Base}/galleries/{gallery}/calibrate", null, cancellation);
        await EnsureAsync(answer, cancellation);
    }

    /// <summary>One bulk request; returns its summary.</summary>
    /// <exception cref="InvalidOperationException">The answer was cut off.</exception>
    public async Task<BulkSummary> BulkAsync(string gallery, HttpContent content, CancellationToken cancellation, string query = "")
    {
        using HttpRequestMessage request = new(HttpMethod.Post, $"{HttpApi.Base}/galleries/{gallery}/bulk{query}") { Content = content };
        using HttpResponseMessage answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        await EnsureAsync(answer, cancellation);
        using StreamReader reader = new(await answer.Content.ReadAsStreamAsync(cancellation));
        string last = "";
        string? unwanted = null;
        while (await reader.ReadLineAsync(cancellation) is { } line)
        {
            last = line;
            if (unwanted is null && line.Contains("\"failed\"", StringComparison.Ordinal))
                unwanted = line;
        }
        BulkSummary summary = JsonSerializer.Deserialize(last, FaceSearchJson.Default.BulkLine)?.Summary ?? throw new InvalidOperationException("The bulk answer was cut off.");
        return summary.Failed == 0 ? summary : throw new InvalidOperationException($"{summary.Failed} items of {summary.Items} failed, for example: {unwanted}");
    }

    /// <summary>The body of an identify request; written once, sent often.</summary>
    public static byte[] IdentifyBody(Embedding probe) =>
        JsonSerializer.SerializeToUtf8Bytes(new IdentifyRequest { Embedding = probe }, FaceSearchJson.Default.IdentifyRequest);

    /// <summary>One identification; the answer as it came.</summary>
    public async Task<(int Status, byte[] Answer)> IdentifyAsync(string gallery, byte[] body, CancellationToken cancellation)
    {
        using ByteArrayContent content = new(body);
        content.Headers.ContentType = JsonType;
        using HttpResponseMessage answer = await _http.PostAsync($"{HttpApi.Base}/galleries/{gallery}/identify", content, cancellation);
        return ((int)answer.StatusCode, await answer.Content.ReadAsByteArrayAsync(cancellation));
    }

    /// <exception cref="InvalidOperationException">The answer is a problem.</exception>
    public static IdentifyResponse Read(int status, byte[] answer)
    {
        Ensure(status, answer);
        return JsonSerializer.Deserialize(answer, FaceSearchJson.Default.IdentifyResponse)!;
    }

    /// <exception cref="InvalidOperationException">The answer is a problem.</exception>
    public static void Ensure(int status, byte[] answer)
    {
        if (status is < 200 or > 299)
            throw new InvalidOperationException($"{status} {Encoding.UTF8.GetString(answer)}");
    }

    /// <summary>A GET whose answer is read to its end.</summary>
    public async Task<int> GetAsync(string path, CancellationToken cancellation)
    {
        using HttpResponseMessage answer = await _http.GetAsync(path, cancellation);
        await answer.Content.ReadAsByteArrayAsync(cancellation);
        return (int)answer.StatusCode;
    }

    /// <summary>A GET whose answer is text.</summary>
    public Task<string> TextAsync(string path, CancellationToken cancellation) => _http.GetStringAsync(path, cancellation);

    public void Dispose() => _http.Dispose();

    private static readonly MediaTypeHeaderValue JsonType = new("application/json");

    private static async Task EnsureAsync(HttpResponseMessage answer, CancellationToken cancellation)
    {
        if (!answer.IsSuccessStatusCode)
            Ensure((int)answer.StatusCode, await answer.Content.ReadAsByteArrayAsync(cancellation));
    }
}
