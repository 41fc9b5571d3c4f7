using Microsoft.Extensions.DependencyInjection;
using Orleans.Placement;
using Orleans.Runtime.MembershipService.SiloMetadata;
using Orleans.Runtime.Placement;

namespace FaceSearch.Grains.Placement;

/// <summary>The grain runs on silos with a GPU where there are any, else on all.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class GpuFirstAttribute() : PlacementFilterAttribute(new GpuFirstFilter());

/// <summary>See <see cref="GpuFirstAttribute"/>.</summary>
public sealed class GpuFirstFilter(int order) : PlacementFilterStrategy(order)
{
    public GpuFirstFilter() : this(0)
    {
    }
}

/// <summary>Leaves silos with a GPU, or all if none has one.</summary>
internal sealed class GpuFirstDirector(IServiceProvider services) : IPlacementFilterDirector
{
    public IEnumerable<SiloAddress> Filter(PlacementFilterStrategy filterStrategy, PlacementTarget target, IEnumerable<SiloAddress> silos)
    {
        ISiloMetadataCache? metadata = services.GetService<ISiloMetadataCache>();
        SiloAddress[] all = [.. silos];
        SiloAddress[] gpus = [.. all.Where(silo => SiloTraits.HasGpu(metadata, silo))];
        return gpus.Length > 0 ? gpus : all;
    }
}
