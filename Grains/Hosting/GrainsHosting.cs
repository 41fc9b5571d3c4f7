using FaceSearch.Grains.Embedders;
using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Identification;
using FaceSearch.Grains.Placement;
using FaceSearch.Grains.Reembedding;
using FaceSearch.Grains.Replicas;
using FaceSearch.Grains.Shards;
using FaceSearch.Grains.Training;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace FaceSearch.Grains.Hosting;

/// <summary>What a silo needs besides storage, an event publisher and an embedder.</summary>
public static class GrainsHosting
{
    /// <summary>Registers the services that grains are built from; options come from <c>Shards</c> and <c>Embedder</c>.</summary>
    public static IServiceCollection AddFaceSearchGrains(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ShardOptions>().Bind(configuration.GetSection("Shards"))
            .Validate(o => o.SearchThreads is >= 0 and <= 1024, "Shards:SearchThreads must be 0 (one a processor) to 1024.")
            .Validate(o => o.SearchQueue is >= 1 and <= 1_000_000, "Shards:SearchQueue must be 1 to 1,000,000.")
            .Validate(o => o.EfSearch is >= 16 and <= 4096, "Shards:EfSearch must be 16 to 4,096.")
            .Validate(o => o.EpochCheck < o.EpochLease, "Shards:EpochCheck must be shorter than EpochLease.")
            .Validate(o => o.MoveAfter >= TimeSpan.Zero, "Shards:MoveAfter must not be negative.")
            .ValidateOnStart();
        services.AddOptions<ReplicaOptions>().Bind(configuration.GetSection("Replicas"))
            .Validate(o => o.Poll >= TimeSpan.FromMilliseconds(10), "Replicas:Poll must be at least 10 ms.")
            .Validate(o => o.Poll < o.MaxStaleness && o.MaxStaleness < o.GiveUp, "Replicas:Poll must be shorter than MaxStaleness, and that shorter than GiveUp.")
            .Validate(o => o.HedgeShare is >= 0 and <= 0.05, "Replicas:HedgeShare must be 0 to 0.05.")
            .Validate(o => o.HedgeAfterQuantile is >= 0.5 and < 1, "Replicas:HedgeAfterQuantile must be 0.5 to below 1.")
            .Validate(o => o.HedgeAfterAtFirst > TimeSpan.Zero, "Replicas:HedgeAfterAtFirst must be above zero.")
            .ValidateOnStart();
        services.AddOptions<EmbedderOptions>().Bind(configuration.GetSection("Embedder"))
            .Validate(o => o.MaxBatch is >= 1 and <= 256, "Embedder:MaxBatch must be 1 to 256.")
            .Validate(o => o.MaxWait >= TimeSpan.Zero && o.MaxWait <= TimeSpan.FromSeconds(1), "Embedder:MaxWait must be 0 to 1 s.")
            .Validate(o => o.MaxQueue >= o.MaxBatch, "Embedder:MaxQueue must be at least MaxBatch.")
            .ValidateOnStart();
        services.AddOptions<ReembeddingOptions>().Bind(configuration.GetSection("Reembedding"))
            .Validate(o => o.Page is >= 1 and <= 1000, "Reembedding:Page must be 1 to 1,000.")
            .Validate(o => o.Batch is >= 1 and <= 256, "Reembedding:Batch must be 1 to 256.")
            .Validate(o => o.MaxMissingShare is >= 0 and <= 1, "Reembedding:MaxMissingShare must be 0 to 1.")
            .Validate(o => o.MaxSlowdown >= 1, "Reembedding:MaxSlowdown must be at least 1.")
            .ValidateOnStart();
        services.AddOptions<TrainingQueueOptions>().Bind(configuration.GetSection("Training"))
            .Validate(o => o.Lease >= TimeSpan.FromSeconds(1), "Training:Lease must be at least 1 s.")
            .Validate(o => o.MostAttempts >= 1 && o.MostWaiting >= 1 && o.RunsKept >= 1, "Training:MostAttempts, MostWaiting and RunsKept must be at least 1.")
            .ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<LiveLatencies>();
        services.AddSingleton<CropFitter>();
        services.AddSingleton<ReembeddingServices>();
        services.AddSingleton<SearchPool>();
        services.AddSingleton<GalleryRoutes>();
        services.AddSingleton<Hedging>();
        services.AddSingleton(s => new ShardCalls(s.GetRequiredService<IGrainFactory>(), s.GetRequiredService<ReplicaSeats>(), s.GetRequiredService<Hedging>(), s.GetRequiredService<TimeProvider>()));
        services.AddFaceSearchPlacement();
        return services;
    }
}
