using FaceSearch.Gateway;
using FaceSearch.Grains.Embedders;
using FaceSearch.Silo.Health;
using FaceSearch.Silo.Hosting;
using FaceSearch.Vision;

namespace FaceSearch.Silo.Startup;

/// <summary>What happens between the silo's start and the first request.</summary>
internal static class StartupHosting
{
    public static void AddStartup(this WebApplicationBuilder builder, SiloOptions options)
    {
        IServiceCollection services = builder.Services;
        services.AddSingleton<Drain>();
        services.AddHostedService(s => s.GetRequiredService<Drain>());
        services.AddHealthChecks().AddCheck<Drain>("running", tags: [GatewayHosting.ReadyTag]);
        services.AddOptions<HostOptions>().Configure<ClusterOptions>((o, cluster) => o.ShutdownTimeout = Drain.Delay(options, cluster) + Drain.Patience);
        if (options.Role == SiloRole.Gateway)
        {
            services.AddHostedService<GatewayStart>();
        }
        else
        {
            services.AddHealthChecks().AddCheck<EmbedderCheck>("embedder", tags: [GatewayHosting.ReadyTag]);
            services.AddHostedService<StartupTasks>();
            services.AddHostedService<WakeUp>();
        }
        services.AddHostedService<Banner>();
    }

    /// <summary>Runs until stopped. A start that fails for a known reason prints that reason instead of a stack trace.</summary>
    public static async Task<int> RunOrExplainAsync(Func<WebApplication> create)
    {
        try
        {
            await create().RunAsync();
            return 0;
        }
        catch (Exception e) when (Explain(e) is { } reason)
        {
            await Console.Error.WriteLineAsync($"FaceSearch did not start: {reason}");
            return 1;
        }
    }

    private static string? Explain(Exception e) => e switch
    {
        ExecutionProviderUnavailableException or ModelException or FaceSearchException or Microsoft.Extensions.Options.OptionsValidationException
            or Storage.StorageException or ConfigurationException or InvalidOperationException { Source: "FaceSearch.Gateway" } => e.Message,
        IOException { InnerException: Microsoft.AspNetCore.Connections.AddressInUseException } => $"{e.Message} Choose another address with --urls http://127.0.0.1:PORT.",
        StackExchange.Redis.RedisException => $"The Redis server of Cluster:ConnectionString cannot be used: {e.Message}",
        TimeoutException => "The other silos of the cluster did not answer for two minutes. Look whether they run and reach each other, and start again.",
        AggregateException { InnerException: { } inner } => Explain(inner),
        Orleans.Runtime.OrleansException { InnerException: FaceSearchException inner } => Explain(inner),
        _ => null,
    };
}

/// <summary>Loads the embedder, registers the models, makes sure of the configured key, and refuses an open door.</summary>
internal sealed class StartupTasks(
    IGrainFactory grains, ModelStore store, EmbedderPool embedders, SiloOptions options, IConfiguration configuration, TimeProvider time) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        IModelRegistryGrain registry = grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key);
        string? loaded = embedders.Standard?.Manifest.Name;
        foreach (InstalledModel model in store.List().OrderByDescending(m => m.Manifest.Name == loaded))
            await StartingCluster.AskAsync(() => registry.RegisterAsync(Describe(model.Manifest)), time, cancellationToken);
        IApiKeyGrain keys = grains.GetGrain<IApiKeyGrain>(IApiKeyGrain.Key);
        if (options.AdminKey is not null)
            await StartingCluster.AskAsync(() => keys.EnsureAdminAsync(options.AdminKey), time, cancellationToken);
        if (options.Role != SiloRole.Silo)
            await StartingCluster.AskAsync(() => GatewayExposure.EnsureAsync(configuration, grains), time, cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private ModelDescription Describe(ModelManifest manifest) => new(
        manifest.Name,
        manifest.Kind == ModelKind.Embedder ? "embedder" : "detector",
        manifest.Sha256,
        manifest.Licence,
        manifest.Source is { } source ? $"{source.Repository}@{source.Commit[..Math.Min(12, source.Commit.Length)]}" : manifest.File,
        ModelStatus.Candidate,
        time.GetUtcNow(),
        null,
        manifest.ImpostorOperatingPoints.Select(p => new OperatingPoint(p.Fmr, p.Score)).ToArray(),
        manifest.CompatibleWith);
}
