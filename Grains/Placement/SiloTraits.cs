using System.Globalization;
using Orleans.Runtime.MembershipService.SiloMetadata;

namespace FaceSearch.Grains.Placement;

/// <summary>What a silo tells the others of its machine, as Orleans silo metadata.</summary>
public static class SiloTraits
{
    private const string Hardware = "facesearch.hardware", Memory = "facesearch.memory", Gpu = "gpu", Cpu = "cpu";

    /// <param name="gpu">Its networks run on a GPU.</param>
    /// <param name="memoryBytes">Memory it may use. Told as a power of two in GiB, so that machines that are bought alike count alike.</param>
    public static Dictionary<string, string> Describe(bool gpu, long memoryBytes) => new(StringComparer.Ordinal)
    {
        [Hardware] = gpu ? Gpu : Cpu,
        [Memory] = Math.Pow(2, Math.Max(0, Math.Round(Math.Log2(memoryBytes / (double)(1L << 30))))).ToString(CultureInfo.InvariantCulture),
    };

    internal static bool HasGpu(ISiloMetadataCache? metadata, SiloAddress silo) =>
        metadata?.GetSiloMetadata(silo).Metadata.TryGetValue(Hardware, out string? hardware) == true && hardware == Gpu;

    /// <summary>GiB; null while it is not known.</summary>
    internal static double? MemoryOf(ISiloMetadataCache? metadata, SiloAddress silo) =>
        metadata?.GetSiloMetadata(silo).Metadata.TryGetValue(Memory, out string? memory) == true
        && double.TryParse(memory, NumberStyles.Float, CultureInfo.InvariantCulture, out double gib) && gib > 0 ? gib : null;
}
