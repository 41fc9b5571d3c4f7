using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FaceSearch.Http;
using Polly;
using Polly.Retry;

namespace FaceSearch.Cli.Client;

/// <summary>
/// Sends requests and reads answers. An answer of 429 or 503, and a connection that breaks on the way, are tried again
/// with growing pauses (or after the server's Retry-After): every write carries its operation id, so that a repetition is
/// harmless. A server that is not there at all is reported at once.
/// </summary>
internal sealed class Transport : IDisposable
{
    private readonly HttpClient http;
    private readonly ResiliencePipeline<HttpResponseMessage> retry;

    public Transport(Uri server, string? key)
    {
        http = new HttpClient(new SocketsHttpHandler { AutomaticDecompression = DecompressionMethods.All })
        {
            BaseAddress = new Uri(server.AbsoluteUri.TrimEnd('/') + "/"),
            Timeout = TimeSpan.FromSeconds(100),
        };
        if (key is not null)
            http.DefaultRequestHeaders.Add(HttpApi.KeyHeader, key);
        http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("facesearch-cli", Build.Version));
        retry = new ResiliencePipelineBuilder<HttpResponseMessage>().AddRetry(new RetryStrategyOptions<HttpResponseMessage>
        {
            MaxRetryAttempts = 6,
            Delay = TimeSpan.FromMilliseconds(250),
            MaxDelay = TimeSpan.FromSeconds(10),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            ShouldHandle = attempt => ValueTask.FromResult(IsWorthRepeating(attempt.Outcome)),
            DelayGenerator = attempt => ValueTask.FromResult(RetryAfter(attempt.Outcome.Result)),
        }).Build();
    }

    /// <summary>Sends a request without a body and reads its answer.</summary>
    public Task<T> SendAsync<T>(HttpMethod method, string path, JsonTypeInfo<T> answer, string? operation = null, CancellationToken cancellation = default) =>
        SendAsync(method, path, null, answer, operation, null, cancellation);

    /// <summary>Sends a JSON body and reads the answer.</summary>
    public Task<T> SendAsync<TBody, T>(
        HttpMethod method, string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<T> answer,
        string? operation = null, long? ifMatch = null, CancellationToken cancellation = default)
    {
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(body, bodyType);
        return SendAsync(method, path, () => JsonBody(bytes), answer, operation, ifMatch, cancellation);
    }

    /// <summary>Sends a form, made afresh for each attempt, and reads the answer.</summary>
    public Task<T> SendFormAsync<T>(HttpMethod method, string path, Func<HttpContent> form, JsonTypeInfo<T> answer, CancellationToken cancellation) =>
        SendAsync(method, path, form, answer, null, null, cancellation);

    /// <summary>Sends a request whose answer has no body.</summary>
    public async Task SendAsync(HttpMethod method, string path, CancellationToken cancellation)
    {
        using HttpResponseMessage response = await SendAsync(method, path, null, null, null, cancellation);
        await ThrowUnlessOkAsync(response, cancellation);
    }

    /// <summary>Reads an answer whatever its status, for health checks (503 carries a document too).</summary>
    public async Task<(HttpStatusCode Status, byte[] Body)> GetAnyAsync(string path, CancellationToken cancellation)
    {
        using HttpResponseMessage response = await http.GetAsync(Relative(path), cancellation);
        return (response.StatusCode, await response.Content.ReadAsByteArrayAsync(cancellation));
    }

    public void Dispose() => http.Dispose();

    private async Task<T> SendAsync<T>(
        HttpMethod method, string path, Func<HttpContent>? body, JsonTypeInfo<T> answer, string? operation, long? ifMatch, CancellationToken cancellation)
    {
        using HttpResponseMessage response = await SendAsync(method, path, body, operation, ifMatch, cancellation);
        await ThrowUnlessOkAsync(response, cancellation);
        byte[] bytes = await response.Content.ReadAsByteArrayAsync(cancellation);
        try
        {
            return JsonSerializer.Deserialize(bytes, answer) ?? throw Unexpected(response);
        }
        catch (JsonException)
        {
            throw Unexpected(response);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, Func<HttpContent>? body, string? operation, long? ifMatch, CancellationToken cancellation) =>
        await retry.ExecuteAsync(
            async token =>
            {
                using HttpRequestMessage request = new(method, Relative(path)) { Content = body?.Invoke() };
                if (operation is not null)
                    request.Headers.Add(HttpApi.OperationHeader, operation);
                if (ifMatch is { } version)
                    request.Headers.TryAddWithoutValidation("If-Match", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"\"{version}\""));
                return await http.SendAsync(request, token);
            },
            cancellation);

    private static string Relative(string path) => path.TrimStart('/');

    private static ByteArrayContent JsonBody(byte[] bytes)
    {
        ByteArrayContent content = new(bytes);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private static async Task ThrowUnlessOkAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        if (response.IsSuccessStatusCode) return;
        byte[] bytes = await response.Content.ReadAsByteArrayAsync(cancellation);
        if (response.Content.Headers.ContentType?.MediaType == HttpApi.ProblemMediaType)
        {
            try
            {
                if (JsonSerializer.Deserialize(bytes, FaceSearchJson.Default.Problem) is { Detail: not null } problem)
                    throw new ApiException(problem);
            }
            catch (JsonException)
            {
                // Falls through: whatever answered is not FaceSearch.
            }
        }
        throw Unexpected(response);
    }

    private static ApiException Unexpected(HttpResponseMessage response) => new(new Problem(
        ProblemTypes.Prefix + ApiException.UnexpectedAnswer,
        "Unexpected answer",
        (int)response.StatusCode,
        $"{response.RequestMessage?.RequestUri?.GetLeftPart(UriPartial.Authority)} answered {(int)response.StatusCode} in a form that FaceSearch does not use; is it a FaceSearch server of this version?"));

    private static bool IsWorthRepeating(Outcome<HttpResponseMessage> outcome) => outcome switch
    {
        { Result.StatusCode: HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable } => true,
        { Exception: HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded or HttpRequestError.Unknown } } => true,
        _ => false,
    };

    private static TimeSpan? RetryAfter(HttpResponseMessage? response) =>
        response?.Headers.RetryAfter?.Delta is { } wait && wait < TimeSpan.FromSeconds(30) ? wait : null;
}
