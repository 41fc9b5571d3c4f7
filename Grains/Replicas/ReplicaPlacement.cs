using FaceSearch.Grains.Placement;
using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace FaceSearch.Grains.Replicas;

/// <summary>The grain is a replica and is placed by <see cref="ReplicaSeats"/>.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ReplicaPlacementAttribute() : PlacementAttribute(new ReplicaPlacement());

/// <summary>See <see cref="ReplicaPlacementAttribute"/>.</summary>
[GenerateSerializer, Immutable, Alias("fs.ReplicaPlacement")]
public sealed class ReplicaPlacement : PlacementStrategy;

/// <summary>Places a replica where it is seated among the silos there are.</summary>
internal sealed class ReplicaPlacementDirector(ReplicaSeats seats) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context) =>
        Task.FromResult(seats.Of(ReplicaId.Parse(target.GrainIdentity.Key.ToString()!), context.GetCompatibleSilos(target)));
}

/// <summary>Seats each replica of a shard where the shard would be without the silos of the shard and of the replicas before it.</summary>
public sealed class ReplicaSeats
{
    private readonly ShardSeats _seats;
    private readonly ISiloStatusOracle _silos;

    internal ReplicaSeats(ShardSeats seats, ISiloStatusOracle silos) => (_seats, _silos) = (seats, silos);

    internal SiloAddress Of(ReplicaId replica, IReadOnlyList<SiloAddress> all)
    {
        List<SiloAddress> left = [.. all];
        SiloAddress seat = _seats.Of(replica.Shard, left);
        for (int i = 0; i <= replica.Number && left.Count > 1; i++)
        {
            left.Remove(seat);
            seat = _seats.Of(replica.Shard, left);
        }
        return seat;
    }

    /// <summary>The silos there are, in order.</summary>
    internal SiloAddress[] Active => [.. _silos.GetApproximateSiloStatuses(onlyActive: true).Keys.Order()];

    /// <summary>How many of the replicas that a gallery wants have a silo of their own.</summary>
    internal int Seated(int wanted) => wanted == 0 ? 0 : Math.Min(wanted, _silos.GetApproximateSiloStatuses(onlyActive: true).Count - 1);
}
