namespace FaceSearch.VectorIndex.Clustering;

/// <summary>Two stored vectors that are alike. <paramref name="A"/> is the lower id.</summary>
/// <param name="A">The lower id.</param>
/// <param name="B">The higher id.</param>
/// <param name="Score">Their inner product.</param>
public readonly record struct DuplicatePair(long A, long B, float Score);

/// <summary>Finds pairs of stored vectors above a score: enrolled twice, or alike enough to ask.</summary>
public static class DuplicateFinder
{
    /// <summary>
    /// All pairs among <paramref name="ids"/> that score at least <paramref name="minScore"/>, best first, ties by the lower ids.
    /// A vector with more than <see cref="SelfJoinOptions.MaxNeighbours"/> such partners brings its closest ones only.
    /// </summary>
    /// <param name="index">Where the vectors are. Over a graph, pairs can be missed to within its recall.</param>
    /// <param name="ids">The ids to look among; pairs with an id outside are left out.</param>
    /// <param name="minScore">Least score of a pair.</param>
    /// <param name="options">Neighbours a vector, ef and threads; its MinScore is not used.</param>
    /// <param name="progress">Told after every batch.</param>
    /// <param name="cancellation">Ends the search between batches.</param>
    /// <exception cref="UnknownIdException">An id is not in the index.</exception>
    public static IReadOnlyList<DuplicatePair> Find(IVectorIndex index, ReadOnlyMemory<long> ids, float minScore, SelfJoinOptions? options = null,
        IProgress<ClusterProgress>? progress = null, CancellationToken cancellation = default)
    {
        HashSet<long> wanted = [.. ids.Span];
        HashSet<(long A, long B)> seen = [];
        List<DuplicatePair> pairs = [];
        SelfJoin.Run(index, ids, (options ?? new SelfJoinOptions()) with { MinScore = minScore }, (id, neighbours) =>
        {
            foreach (Neighbour other in neighbours)
            {
                if (!wanted.Contains(other.Id)) continue;
                (long a, long b) = id < other.Id ? (id, other.Id) : (other.Id, id);
                if (seen.Add((a, b))) pairs.Add(new DuplicatePair(a, b, other.Score));
            }
        }, progress, cancellation);
        pairs.Sort(static (x, y) => x.Score != y.Score ? y.Score.CompareTo(x.Score) : x.A != y.A ? x.A.CompareTo(y.A) : x.B.CompareTo(y.B));
        return pairs;
    }
}
