using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using FaceSearch.EndToEnd.Tests.Messaging;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Silo;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace FaceSearch.EndToEnd.Tests.Telemetry;

/// <summary>One request, one trace.</summary>
public sealed class TraceTests
{
    [Fact]
    public async Task One_trace_leads_from_HTTP_through_the_actors_to_the_shard_and_the_network_and_names_nobody()
    {
        string data = Directory.CreateTempSubdirectory("facesearch-trace-").FullName;
        using Pictures pictures = new();
        using Collected collected = new();
        try
        {
            await using WebApplication server = SiloApplication.Create(
                [$"--Silo:DataFolder={data}", "--Silo:Tracing=true", "--urls=http://127.0.0.1:0"],
                builder => builder.Services.ConfigureOpenTelemetryTracerProvider(traces => traces.AddProcessor(new SimpleActivityExportProcessor(collected))));
            await server.StartAsync(TestContext.Current.CancellationToken);
            using HttpClient http = new() { BaseAddress = new Uri(server.Urls.First()) };
            string picture = new Uri(pictures.Make(1)).LocalPath;
            (await http.PutAsJsonAsync("/api/v1/galleries/traced", new { }, TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
            (await http.PostAsync("/api/v1/galleries/traced/identities", Api.Multipart("somebody-special", picture), TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
            (await http.GetAsync("/api/v1/galleries/traced/identities/somebody-special", TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
            ByteArrayContent body = new(await File.ReadAllBytesAsync(picture, TestContext.Current.CancellationToken)) { Headers = { ContentType = new("application/octet-stream") } };
            (await http.PostAsync("/api/v1/galleries/traced/identify", body, TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
            // Spans end after what they describe was answered, and those of the requests before may come late, too.
            await Until.TrueAsync(() => collected.Spans.Any(IsIdentify) && Below(collected.Spans, "shard.search") && Below(collected.Spans, "onnx.run"), TimeSpan.FromSeconds(30),
                "The request's spans did not end.");
            Activity request = collected.Spans.Single(IsIdentify);
            Activity[] trace = [.. collected.Spans.Where(s => s.TraceId == request.TraceId)];
            Activity analyse = One(trace, "image.analyse"), fanOut = One(trace, "identify.fan_out"), shard = One(trace, "shard.search"), network = One(trace, "onnx.run");
            foreach (Activity span in new[] { analyse, fanOut, shard, network })
                Ancestors(trace, span).ShouldContain(request, $"{span.OperationName} does not hang below the request");
            string[] above = [.. Ancestors(trace, shard).Select(a => a.OperationName)];
            above.ShouldContain("identify.fan_out");
            above.ShouldContain("identify");
            above.ShouldContain(o => o.Contains("IIdentifyGrain", StringComparison.Ordinal), string.Join(" < ", above));
            above.ShouldContain(o => o.Contains("IGalleryShardGrain", StringComparison.Ordinal), string.Join(" < ", above));
            string[] overNetwork = [.. Ancestors(trace, network).Select(a => a.OperationName)];
            overNetwork.ShouldContain(o => o.Contains("IEmbedderGrain", StringComparison.Ordinal), string.Join(" < ", overNetwork));
            overNetwork.ShouldContain("faces.embed");
            await server.StopAsync(TestContext.Current.CancellationToken);
            foreach (Activity span in collected.Spans)
                Said(span).ShouldNotContain("somebody-special", Case.Insensitive, span.OperationName);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task Traces_are_sent_by_OTLP_where_the_usual_variable_names_a_collector()
    {
        List<byte[]> received = [];
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        await using WebApplication collector = builder.Build();
        collector.MapPost("/v1/traces", async (HttpRequest request) =>
        {
            using MemoryStream body = new();
            await request.Body.CopyToAsync(body);
            lock (received)
                received.Add(body.ToArray());
            return Results.Bytes([], "application/x-protobuf");
        });
        await collector.StartAsync(TestContext.Current.CancellationToken);
        await using ServerProcess server = await ServerProcess.StartAsync(null,
            $"--OTEL_EXPORTER_OTLP_ENDPOINT={collector.Urls.First()}", "--OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "--OTEL_BSP_SCHEDULE_DELAY=200");
        await server.CreateGalleryAsync("exported");
        await server.EnrolAsync("exported", "somebody", Durability.Synthetic.Face(1));
        await server.IdentifyAsync("exported", Durability.Synthetic.Face(1));
        await Until.TrueAsync(() => Contains(received, "shard.search"), TimeSpan.FromMinutes(1), server.Output);
        Contains(received, "facesearch").ShouldBeTrue();
    }

    private static bool Contains(List<byte[]> received, string text)
    {
        lock (received)
            return received.Any(r => r.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0);
    }

    private static Activity One(Activity[] trace, string name) =>
        trace.SingleOrDefault(s => s.OperationName == name) ?? throw new ShouldAssertException($"No or several spans '{name}' among {string.Join(", ", trace.Select(s => s.OperationName))}");

    private static bool IsIdentify(Activity span) => span.Kind == ActivityKind.Server && span.DisplayName.EndsWith("/identify", StringComparison.Ordinal);

    private static bool Below(IReadOnlyList<Activity> spans, string name) =>
        spans.Single(IsIdentify) is var request && spans.Any(s => s.OperationName == name && Ancestors([.. spans.Where(o => o.TraceId == request.TraceId)], s).Contains(request));

    private static List<Activity> Ancestors(Activity[] trace, Activity span)
    {
        List<Activity> above = [];
        for (Activity? at = span; at is not null; at = trace.FirstOrDefault(s => s.SpanId == at.ParentSpanId))
            above.Add(at);
        return above[1..];
    }

    private static string Said(Activity span) => string.Join('\n', [span.DisplayName, span.StatusDescription ?? "", .. span.TagObjects.Select(t => $"{t.Key}={t.Value}"),
        .. span.Events.SelectMany(e => e.Tags.Select(t => $"{t.Key}={t.Value}"))]);

    private sealed class Collected : BaseExporter<Activity>
    {
        private readonly List<Activity> _spans = [];

        public IReadOnlyList<Activity> Spans
        {
            get
            {
                lock (_spans)
                    return [.. _spans];
            }
        }

        public override ExportResult Export(in Batch<Activity> batch)
        {
            lock (_spans)
            {
                foreach (Activity span in batch)
                    _spans.Add(span);
            }
            return ExportResult.Success;
        }
    }
}
