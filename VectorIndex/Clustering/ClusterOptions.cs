namespace FaceSearch.VectorIndex.Clustering;

/// <summary>How the likeness of two groups follows from their members.</summary>
public enum Linkage
{
    /// <summary>
    /// Evidence that two groups share one origin: the log-likelihood ratio of "one group" against "two groups" when members scatter
    /// around a common centre (the two-covariance model of speaker verification: Brümmer and de Villiers, "The speaker partitioning
    /// problem", Odyssey 2010, with isotropic covariances). Large groups know their centre better than single vectors, and are
    /// judged more strictly: see docs/clustering.md.
    /// </summary>
    Evidence,

    /// <summary>Mean inner product of all pairs across the two groups (UPGMA; Sokal and Michener 1958).</summary>
    Average,
}

/// <summary>How to group vectors.</summary>
public sealed record ClusterOptions
{
    /// <summary>How the likeness of two groups follows from their members.</summary>
    public Linkage Linkage { get; init; } = Linkage.Evidence;

    /// <summary>
    /// Groups are joined down to this likeness. With either linkage the likeness of two single vectors is their score, so this is
    /// the score at which two lone vectors become a group. In (-1, 1).
    /// </summary>
    public float Threshold { get; init; } = 0.52f;

    /// <summary>
    /// Only groups with at least one pair of members of this score or more are considered for joining. Null: the threshold with
    /// <see cref="Linkage.Average"/> (which loses nothing: a mean never exceeds the largest of its terms), the threshold less 0.15
    /// with <see cref="Linkage.Evidence"/>.
    /// </summary>
    public float? GraphScore { get; init; }

    /// <summary>Neighbours searched for each vector, 1 to 4,095. Where fewer reach <see cref="GraphScore"/>, the graph is complete.</summary>
    public int MaxNeighbours { get; init; } = 64;

    /// <summary>ef of the searches, where the index is a graph; 0 takes the index's default.</summary>
    public int EfSearch { get; init; } = 128;

    /// <summary>Threads that search for neighbours; 1 is the caller's own and no other. Joining takes that one.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    internal float EffectiveGraphScore => GraphScore ?? (Linkage == Linkage.Average ? Threshold : Threshold - 0.15f);

    internal void Validate()
    {
        if (!(Threshold is > -1 and < 1)) throw new ArgumentException($"ClusterOptions.Threshold is {Threshold}, expected a score in (-1, 1).");
        if (!Enum.IsDefined(Linkage)) throw new ArgumentException($"ClusterOptions.Linkage is {Linkage}, expected Evidence or Average.");
        if (GraphScore is { } score && !(score >= -1 && score <= Threshold))
            throw new ArgumentException($"ClusterOptions.GraphScore is {score}, expected -1 to the threshold, {Threshold}.");
        SelfJoinOptions.Check(MaxNeighbours, EfSearch, Threads);
    }
}

/// <summary>What a clustering or a self-join is doing.</summary>
public enum ClusterStage
{
    /// <summary>Searching the neighbours of each vector.</summary>
    Searching,

    /// <summary>Joining groups.</summary>
    Joining,
}

/// <summary>How far it is. While joining, <paramref name="Total"/> is an upper bound (the number of vectors).</summary>
/// <param name="Stage">What is being done.</param>
/// <param name="Done">Vectors searched, or joins made.</param>
/// <param name="Total">Vectors to search, or the most joins there can be.</param>
public readonly record struct ClusterProgress(ClusterStage Stage, long Done, long Total);
