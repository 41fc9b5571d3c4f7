using System.Reflection;
using FaceSearch.Grains.Embedders;
using FaceSearch.Silo.Hosting;
using FaceSearch.Storage;
using FaceSearch.Vision;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace FaceSearch.Silo.Startup;

/// <summary>Says, once everything is up, where it listens and what is in use.</summary>
internal sealed class Banner(
    IHostApplicationLifetime lifetime, IServer server, IGrainFactory grains, ModelStore store, SiloOptions options, ClusterOptions cluster,
    Microsoft.Extensions.Options.IOptions<Messaging.MessagingOptions> messaging, ITemplateLogProvider? logs = null, EmbedderPool? embedders = null) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStarted.Register(() => _ = Task.Run(PrintAsync, CancellationToken.None));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task PrintAsync()
    {
        IReadOnlyList<ApiKeyDescription> keys = await grains.GetGrain<IApiKeyGrain>(IApiKeyGrain.Key).ListAsync();
        string address = server.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault() ?? options.EffectiveUrl;
        string version = typeof(Banner).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";
        string detector = store.Find(ModelKind.Detector)?.Manifest.Name ?? $"none: images are taken as face thumbnails (facesearch models pull {ModelCatalogue.YuNet})";
        List<string> lines = [$"FaceSearch {version}{(options.Role == SiloRole.All ? "" : $", {options.Role} alone")}"];
        void Add(string name, string value) => lines.Add($"  {name,-10} {value}");
        if (options.Role == SiloRole.Silo)
        {
            Add("health", $"{address}/health/ready      metrics {address}/metrics");
        }
        else
        {
            Add("console", $"{address}/");
            Add("API", $"{address}/api/v1      reference {address}/reference");
        }
        if (logs is not null)
            Add("storage", logs.Description);
        Add("cluster", Cluster());
        if (options.Role != SiloRole.Silo)
            Add("detector", detector);
        if (options.Role != SiloRole.Gateway)
        {
            Add("embedder", Embedder());
            Add("messages", messaging.Value.Transport == Messaging.MessageTransport.InMemory ? "in memory" : $"RabbitMQ at {messaging.Value.Host}:{messaging.Value.EffectivePort}");
        }
        if (options.Role == SiloRole.All)
            Add("training", $"trainingjob work --silo {cluster.AdvertisedAddress}:{options.ClientPort} --server {address}");
        Add("keys", Keys(keys));
        lines.Add("Ready. Ctrl+C stops it; nothing acknowledged is lost however it stops.");
        Console.WriteLine(string.Join(Environment.NewLine, lines));
    }

    private string Cluster() => options.Role == SiloRole.Gateway
        ? $"'{cluster.ClusterId}' by {cluster.Provider}, connected"
        : cluster.Provider == ClusterProvider.Localhost
        ? "this silo alone"
        : $"'{cluster.ClusterId}' by {cluster.Provider}; this silo is {cluster.AdvertisedAddress}:{cluster.SiloPort}";

    private string Embedder() => embedders?.Standard is { } session
        ? $"{session.Manifest.Name} on {session.Provider} ({session.Manifest.Licence})"
        : "none: only ready embeddings (facesearch models pull mobilefacenet-128)";

    private static string Keys(IReadOnlyList<ApiKeyDescription> keys) => keys.Count == 0
        ? "none: open, and reachable from this machine only"
        : $"{keys.Count} ({string.Join(", ", keys.Take(3).Select(k => $"{k.Id}: {k.Role}"))}{(keys.Count > 3 ? ", ..." : "")}); every call needs one";
}
