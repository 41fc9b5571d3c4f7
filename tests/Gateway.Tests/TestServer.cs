using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FaceSearch.Grains;
using FaceSearch.Grains.Embedders;
using FaceSearch.Grains.Hosting;
using FaceSearch.Grains.Shards;
using FaceSearch.Http;
using FaceSearch.Storage;
using FaceSearch.Vision;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FaceSearch.Gateway.Tests;

/// <summary>The gateway on a real Kestrel over a real silo with real storage in a folder of its own.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly string _folder;
    private readonly WebApplication _app;

    private TestServer(string folder, WebApplication app)
    {
        _folder = folder;
        _app = app;
        Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        Client = new HttpClient { BaseAddress = Address };
    }

    public Uri Address { get; }

    public HttpClient Client { get; }

    /// <summary>Where the server's models are; its own folder unless it was given another's.</summary>
    public string ModelsFolder => _app.Services.GetRequiredService<ModelStore>().Folder;

    public IGrainFactory Grains => _app.Services.GetRequiredService<IGrainFactory>();

    /// <summary>What the server itself uses.</summary>
    public T Service<T>() where T : notnull => _app.Services.GetRequiredService<T>();

    public LogLines Log => _app.Services.GetRequiredService<LogLines>();

    /// <param name="models">A folder with models; null for a server without any.</param>
    /// <param name="configure">Changes the gateway's options.</param>
    /// <param name="wrap">Puts something between the server and an embedder that it loads later.</param>
    /// <param name="calls">Sees every call before its grain does.</param>
    public static async Task<TestServer> StartAsync(string? models = null, Action<GatewayOptions>? configure = null, Func<IFaceEmbedder, IFaceEmbedder>? wrap = null, IIncomingGrainCallFilter? calls = null)
    {
        string folder = Directory.CreateTempSubdirectory("facesearch-gateway-").FullName;
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        LogLines lines = new();
        builder.Logging.ClearProviders().AddProvider(lines);
        builder.Logging.AddFilter("Orleans", LogLevel.Error);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton(lines);
        builder.Services.AddFaceSearchGrains(builder.Configuration);
        builder.Services.Configure<ShardOptions>(o => o.SearchThreads = 8);
        builder.Services.AddSingleton<IEventPublisher, NoEvents>();
        ModelStore store = new(models ?? Path.Combine(folder, "models"));
        builder.Services.AddSingleton(store);
        builder.Services.AddSingleton(services => Embedders(store, services.GetRequiredService<IOptions<EmbedderOptions>>(), wrap ?? (e => e)));
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(FreePort(), FreePort());
            silo.AddFaceSearchEmbeddedStorage(Path.Combine(folder, "data"));
            if (calls is not null)
                silo.AddIncomingGrainCallFilter(calls);
        });
        builder.AddFaceSearchGateway(configure);
        WebApplication app = builder.Build();
        app.MapFaceSearchGateway();
        await app.StartAsync();
        TestServer server = new(folder, app);
        await server.RegisterAsync();
        return server;
    }

    public HttpClient WithKey(string key)
    {
        HttpClient client = new() { BaseAddress = Address };
        client.DefaultRequestHeaders.Add(HttpApi.KeyHeader, key);
        return client;
    }

    /// <summary>A gallery for ready embeddings.</summary>
    public async Task<string> GalleryAsync(string name = "people", string model = "external")
    {
        await Client.PutAsync($"/api/v1/galleries/{name}", new GalleryRequest { Model = model }, FaceSearchJson.Default.GalleryRequest).ReadAsync(FaceSearchJson.Default.GalleryDescription, HttpStatusCode.Created);
        return name;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Tells the registry of every model of the folder, as the silo does at its start.</summary>
    public async Task RegisterAsync()
    {
        ModelStore store = _app.Services.GetRequiredService<ModelStore>();
        IModelRegistryGrain registry = Grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key);
        foreach (ModelManifest m in store.List().Select(m => m.Manifest))
        {
            await registry.RegisterAsync(new ModelDescription(m.Name, m.Kind == ModelKind.Embedder ? "embedder" : "detector", m.Sha256, m.Licence, m.File,
                ModelStatus.Candidate, DateTimeOffset.UtcNow, null, [.. m.ImpostorOperatingPoints.Select(p => new OperatingPoint(p.Fmr, p.Score))]));
        }
    }

    private static EmbedderPool Embedders(ModelStore store, IOptions<EmbedderOptions> options, Func<IFaceEmbedder, IFaceEmbedder> wrap) => new(
        store.Find(ModelKind.Embedder) is { } model ? new OnnxFaceEmbedder(model) : null,
        name => store.Find(ModelKind.Embedder, name) is { } other ? wrap(new OnnxFaceEmbedder(other)) : null,
        options);

    private static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private sealed class NoEvents : IEventPublisher
    {
        public Task PublishAsync(ShardId shard, OutboxEvent committed) => Task.CompletedTask;

        public Task PublishAsync<T>(T message) where T : class => Task.CompletedTask;
    }
}

/// <summary>Everything that was logged, exceptions included.</summary>
internal sealed class LogLines : ILoggerProvider, ILogger
{
    private readonly List<string> _lines = [];

    public string Text
    {
        get
        {
            lock (_lines)
                return string.Join('\n', _lines);
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
            _lines.Add($"{formatter(state, exception)} {exception}");
    }

    public void Dispose()
    {
    }
}

internal static class HttpExtensions
{
    public static Task<HttpResponseMessage> PutAsync<T>(this HttpClient client, string path, T value, JsonTypeInfo<T> type) => client.PutAsync(new Uri(path, UriKind.Relative), JsonContent.Create(value, type));

    public static Task<HttpResponseMessage> PostAsync<T>(this HttpClient client, string path, T value, JsonTypeInfo<T> type) => client.PostAsync(new Uri(path, UriKind.Relative), JsonContent.Create(value, type));

    /// <summary>The body, once the status is the expected one.</summary>
    public static async Task<T> ReadAsync<T>(this Task<HttpResponseMessage> sent, JsonTypeInfo<T> type, HttpStatusCode expected = HttpStatusCode.OK) where T : class
    {
        using HttpResponseMessage response = await sent;
        string text = await response.Content.ReadAsStringAsync();
        response.StatusCode.ShouldBe(expected, text);
        return JsonSerializer.Deserialize(text, type).ShouldNotBeNull();
    }

    /// <summary>The problem, once status, type and media type are the expected ones.</summary>
    public static async Task<Problem> ProblemAsync(this Task<HttpResponseMessage> sent, int status, string slug)
    {
        using HttpResponseMessage response = await sent;
        string text = await response.Content.ReadAsStringAsync();
        ((int)response.StatusCode).ShouldBe(status, text);
        response.Content.Headers.ContentType?.MediaType.ShouldBe(HttpApi.ProblemMediaType);
        Problem problem = JsonSerializer.Deserialize(text, FaceSearchJson.Default.Problem).ShouldNotBeNull();
        problem.Slug.ShouldBe(slug, text);
        problem.Status.ShouldBe(status);
        problem.TraceId.ShouldNotBeNullOrEmpty();
        return problem;
    }
}
