using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Placement;
using Orleans.Runtime.MembershipService.SiloMetadata;
using Orleans.Runtime.Placement;

namespace FaceSearch.Grains.Placement;

/// <summary>The grain is a shard and is placed by <see cref="Seating"/>.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ShardPlacementAttribute() : PlacementAttribute(new ShardPlacement());

/// <summary>See <see cref="ShardPlacementAttribute"/>.</summary>
[GenerateSerializer, Immutable, Alias("fs.ShardPlacement")]
public sealed class ShardPlacement : PlacementStrategy;

/// <summary>Places a shard where it is seated among the silos there are.</summary>
internal sealed class ShardPlacementDirector(ShardSeats seats) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        SiloAddress[] silos = context.GetCompatibleSilos(target);
        return Task.FromResult(IPlacementDirector.GetPlacementHint(target.RequestContextData, silos) ?? seats.Of(ShardId.Parse(target.GrainIdentity.Key.ToString()!), silos));
    }
}

/// <summary>Seats shards by the silos' addresses and memory.</summary>
internal sealed class ShardSeats(IServiceProvider services)
{
    public SiloAddress Of(ShardId shard, IReadOnlyList<SiloAddress> silos)
    {
        if (silos.Count == 1)
            return silos[0];
        ISiloMetadataCache? metadata = services.GetService<ISiloMetadataCache>();
        double?[] memory = [.. silos.Select(s => SiloTraits.MemoryOf(metadata, s))];
        bool known = memory.All(m => m is not null);
        // By address and port: a silo that restarts gets its shards back.
        return silos[Seating.Choose(shard, [.. silos.Select((s, i) => (s.Endpoint.ToString(), known ? memory[i]!.Value : 1.0))])];
    }
}

/// <summary>The shards that are open in this silo.</summary>
public sealed class OpenShards
{
    private readonly ConcurrentDictionary<ShardId, IGrainContext> _open = new();

    internal IReadOnlyList<KeyValuePair<ShardId, IGrainContext>> All => [.. _open];

    internal void Add(ShardId shard, IGrainContext context) => _open[shard] = context;

    internal void Remove(ShardId shard, IGrainContext context) => _open.TryRemove(new(shard, context));
}
