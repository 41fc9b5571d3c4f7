namespace FaceSearch.Grains.Clustering;

/// <summary>
/// What one job leaves for the next: which templates it searched, and which of them it found alike. No vectors: an erased template
/// leaves nothing of itself here but its random id, and that only until the next job.
/// </summary>
/// <param name="Threshold">Only a job of this threshold can go on from it.</param>
/// <param name="Generation">Only a job of this model generation can go on from it.</param>
/// <param name="Templates">Ids that were searched.</param>
/// <param name="Edges">Pairs of them.</param>
internal sealed record ClusterGraph(float Threshold, int Generation, HashSet<long> Templates, (long A, long B)[] Edges);

/// <summary>One group as a job found it.</summary>
/// <param name="Members">Ordered by identity (ordinal), then template.</param>
/// <param name="Cohesion">Mean score of all its pairs.</param>
internal sealed record FoundGroup(ClusterMember[] Members, float Cohesion)
{
    /// <summary>More than one identity.</summary>
    public bool Duplicates { get; } = Members[0].Identity != Members[^1].Identity;
}

/// <summary>What a job found.</summary>
/// <param name="Groups">Of at least two templates, largest first, then by lowest template id.</param>
/// <param name="Graph">For the next job.</param>
internal sealed record ClusterResult(FoundGroup[] Groups, ClusterGraph Graph);
