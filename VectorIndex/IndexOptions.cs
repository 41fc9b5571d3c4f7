namespace FaceSearch.VectorIndex;

/// <summary>Where the float32 vectors live. The quantised codes are always in memory.</summary>
public enum VectorStorage
{
    /// <summary>In native memory: 4 bytes a component.</summary>
    Memory,

    /// <summary>Memory-mapped from the snapshot that was loaded; vectors added since live in memory until the next load.</summary>
    Mapped,

    /// <summary>Not kept: results carry scores estimated from the codes, and nothing can be reranked.</summary>
    CodesOnly,
}

/// <summary>What every engine needs to know.</summary>
public record IndexOptions
{
    /// <summary>Length of the vectors: a multiple of 16, from 16 to 1,024.</summary>
    public int Dimension { get; init; } = 128;

    /// <summary>Where the float32 vectors live.</summary>
    public VectorStorage Storage { get; init; } = VectorStorage.Memory;

    /// <summary>Memory is committed for this many vectors at once; the index grows beyond it by itself.</summary>
    public int InitialCapacity { get; init; }

    /// <summary>Upper bound of vectors. Only address space is reserved for it (about 800 bytes a vector at 128-d), not memory.</summary>
    public int MaxVectors { get; init; } = 1 << 25;

    /// <summary>Ask the system for 2 MiB pages for codes and links (Linux: madvise). Ignored where there are none.</summary>
    public bool HugePages { get; init; } = true;

    /// <summary>Forces one kernel; null takes the environment variable FACESEARCH_KERNEL, and without it the fastest that runs here.</summary>
    public KernelKind? Kernel { get; init; }
}

/// <summary>Instruction sets the code and float kernels exist for.</summary>
public enum KernelKind
{
    /// <summary>Plain C#: runs everywhere.</summary>
    Portable,

    /// <summary>ARM64 AdvSimd, with the dot-product instructions where there are any.</summary>
    AdvSimd,

    /// <summary>x86 AVX2.</summary>
    Avx2,

    /// <summary>x86 AVX-512 F and BW.</summary>
    Avx512,
}

/// <summary>The graph's parameters, by their names in Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search
/// using Hierarchical Navigable Small World graphs", 2016/2018.</summary>
public record HnswOptions : IndexOptions
{
    /// <summary>M: links a node keeps on upper layers; 2M on layer 0. At least 2 (with 1 the graph is a rope); at most 64.</summary>
    public int M { get; init; } = 16;

    /// <summary>
    /// efConstruction: width of the beam that finds a new node's neighbours. At least M. Building looks at quantised codes only, which
    /// costs a little recall at equal ef against hnswlib's 200 at a million vectors; 256 makes up for it.
    /// </summary>
    public int EfConstruction { get; init; } = 256;

    /// <summary>Default ef of a search.</summary>
    public int EfSearch { get; init; } = 64;

    /// <summary>Seed of the level generator.</summary>
    public ulong Seed { get; init; } = 1;
}

/// <summary>When a <see cref="TieredIndex"/> moves between exact scan and graph.</summary>
public sealed record TieredOptions : HnswOptions
{
    /// <summary>At this many vectors the graph is built in the background; below half of it the graph is dropped again.</summary>
    public int Crossover { get; init; } = 150_000;

    /// <summary>Filters that accept less than this share of the ids are answered by exact scan.</summary>
    public double SelectiveFilterShare { get; init; } = 0.02;

    /// <summary>Threads that build the graph. Small moves of the tail always take one.</summary>
    public int BuildThreads { get; init; } = Math.Max(1, Environment.ProcessorCount);
}
