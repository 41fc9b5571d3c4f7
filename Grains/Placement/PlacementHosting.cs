using FaceSearch.Grains.Replicas;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Placement;

namespace FaceSearch.Grains.Placement;

/// <summary>Registers where shards and embedders run.</summary>
internal static class PlacementHosting
{
    public static void AddFaceSearchPlacement(this IServiceCollection services)
    {
        services.AddSingleton<OpenShards>();
        services.AddSingleton<ShardSeats>();
        services.AddSingleton(s => new ReplicaSeats(s.GetRequiredService<ShardSeats>(), s.GetRequiredService<ISiloStatusOracle>()));
        services.AddHostedService<ShardMover>();
        services.AddPlacementDirector<ShardPlacement, ShardPlacementDirector>();
        services.AddPlacementDirector<ReplicaPlacement, ReplicaPlacementDirector>();
        services.AddPlacementFilter<GpuFirstFilter, GpuFirstDirector>(ServiceLifetime.Singleton);
    }
}
