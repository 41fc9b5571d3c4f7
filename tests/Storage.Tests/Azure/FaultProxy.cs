using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Storage.Tests.Azure;

/// <summary>What happens to one request on its way.</summary>
internal enum Fault
{
    None,

    /// <summary>Answered without reaching the service.</summary>
    Conflict409, PreconditionFailed412, Error500, Busy503,

    /// <summary>The connection ends before the request reaches the service.</summary>
    DroppedBefore,

    /// <summary>The service has carried it out; the connection ends without an answer.</summary>
    DroppedAfter,

    /// <summary>The service has carried it out; the answer does not come before the client gives up.</summary>
    TimeoutAfter,

    /// <summary>The service has carried it out; the client is told 500.</summary>
    Error500After,

    /// <summary>The connection ends at once; the request reaches the service later.</summary>
    LateAfterDrop,
}

/// <summary>
/// A reverse proxy before Azurite on a free loopback port that does to requests what a seeded plan says. Signatures hold, because
/// the Host header is not part of them.
/// </summary>
internal sealed class FaultProxy : IAsyncDisposable
{
    private static readonly HashSet<string> Hops = new(StringComparer.OrdinalIgnoreCase) { "Connection", "Transfer-Encoding", "Keep-Alive", "Host", "Expect" };
    private static readonly TimeSpan Late = TimeSpan.FromMilliseconds(30);
    private readonly WebApplication _app;
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly Uri _target;
    private readonly Func<HttpRequest, Fault> _plan;
    private readonly List<Task> _late = [];

    private FaultProxy(WebApplication app, Uri target, Func<HttpRequest, Fault> plan) => (_app, _target, _plan) = (app, target, plan);

    public int Port { get; private set; }

    /// <summary>How often each fault was done.</summary>
    public System.Collections.Concurrent.ConcurrentDictionary<Fault, int> Done { get; } = [];

    public static async Task<FaultProxy> StartAsync(int targetPort, Func<HttpRequest, Fault> plan)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k =>
        {
            k.Listen(IPAddress.Loopback, 0);
            k.Limits.MaxRequestBodySize = null;
        });
        WebApplication app = builder.Build();
        FaultProxy proxy = new(app, new Uri($"http://127.0.0.1:{targetPort}"), plan);
        app.Run(proxy.HandleAsync);
        await app.StartAsync();
        string address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        proxy.Port = new Uri(address).Port;
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        await SettleAsync();
        await _app.DisposeAsync();
        _client.Dispose();
    }

    /// <summary>Waits for the requests that are still under way to the service.</summary>
    public async Task SettleAsync()
    {
        Task[] late;
        lock (_late)
            late = [.. _late];
        await Task.WhenAll(late);
    }

    private async Task HandleAsync(HttpContext context)
    {
        Fault fault = _plan(context.Request);
        Done.AddOrUpdate(fault, 1, (_, n) => n + 1);
        using MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body);
        switch (fault)
        {
            case Fault.Conflict409 or Fault.PreconditionFailed412 or Fault.Error500 or Fault.Busy503:
                await AnswerAsync(context, fault switch { Fault.Conflict409 => 409, Fault.PreconditionFailed412 => 412, Fault.Error500 => 500, _ => 503 });
                return;
            case Fault.DroppedBefore:
                context.Abort();
                return;
            case Fault.LateAfterDrop:
                HttpRequestMessage kept = Copy(context.Request, body.ToArray());
                lock (_late)
                    _late.Add(SendLateAsync(kept));
                context.Abort();
                return;
        }
        using HttpResponseMessage response = await _client.SendAsync(Copy(context.Request, body.ToArray()), HttpCompletionOption.ResponseContentRead);
        switch (fault)
        {
            case Fault.DroppedAfter:
                context.Abort();
                return;
            case Fault.Error500After:
                await AnswerAsync(context, 500);
                return;
            case Fault.TimeoutAfter:
                TaskCompletionSource gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
                await using (context.RequestAborted.Register(() => gone.TrySetResult()))
                    await gone.Task;
                return;
            default:
                await RelayAsync(context, response);
                return;
        }
    }

    private async Task SendLateAsync(HttpRequestMessage request)
    {
        await Task.Delay(Late);
        using (request)
            (await _client.SendAsync(request)).Dispose();
    }

    private HttpRequestMessage Copy(HttpRequest request, byte[] body)
    {
        string raw = request.HttpContext.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
        HttpRequestMessage copy = new(new HttpMethod(request.Method), new Uri(_target, raw)) { Content = new ByteArrayContent(body) };
        foreach ((string name, Microsoft.Extensions.Primitives.StringValues values) in request.Headers)
        {
            if (Hops.Contains(name))
                continue;
            if (!copy.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                copy.Content.Headers.Remove(name);
                copy.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }
        if (body.Length == 0 && request.ContentLength is null)
            copy.Content = null;
        return copy;
    }

    private static async Task RelayAsync(HttpContext context, HttpResponseMessage response)
    {
        context.Response.StatusCode = (int)response.StatusCode;
        foreach ((string name, IEnumerable<string> values) in response.Headers.Concat(response.Content.Headers))
        {
            if (!Hops.Contains(name))
                context.Response.Headers[name] = values.ToArray();
        }
        if (!HttpMethods.IsHead(context.Request.Method) && response.StatusCode is not (HttpStatusCode.NoContent or HttpStatusCode.NotModified))
            await response.Content.CopyToAsync(context.Response.Body);
    }

    private static Task AnswerAsync(HttpContext context, int status)
    {
        context.Response.StatusCode = status;
        context.Response.Headers["x-ms-error-code"] = "Injected";
        context.Response.ContentLength = 0;
        return Task.CompletedTask;
    }
}
