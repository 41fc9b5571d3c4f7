using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FaceSearch.ServerBench.Cluster.Traces;

/// <summary>Receives what servers export by OTLP over HTTP, as any collector would; read afterwards.</summary>
internal sealed class Collector : IAsyncDisposable
{
    private readonly List<byte[]> _received = [];
    private readonly WebApplication _host;
    private readonly string _url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{ChildProcess.FreePort()}");

    private Collector()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls(_url);
        builder.Logging.ClearProviders();
        _host = builder.Build();
        _host.MapPost("/v1/traces", async (HttpRequest request) =>
        {
            using MemoryStream body = new();
            await request.Body.CopyToAsync(body);
            lock (_received)
                _received.Add(body.ToArray());
            return Results.Bytes([], "application/x-protobuf");
        });
    }

    public static async Task<Collector> StartAsync()
    {
        Collector collector = new();
        await collector._host.StartAsync();
        return collector;
    }

    /// <summary>What makes a server export every span to here.</summary>
    /// <param name="process">Its name in the spans.</param>
    public string[] Arguments(string process) =>
        [$"--OTEL_EXPORTER_OTLP_ENDPOINT={_url}", "--OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "--OTEL_BSP_SCHEDULE_DELAY=1000", "--OTEL_BSP_MAX_QUEUE_SIZE=20000", $"--OTEL_SERVICE_NAME={process}"];

    public List<Span> Spans()
    {
        lock (_received)
            return [.. _received.SelectMany(SpanReader.Read)];
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();
}
