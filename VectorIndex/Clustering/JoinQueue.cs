namespace FaceSearch.VectorIndex.Clustering;

/// <summary>Two groups that could be joined, as they were when the likeness was computed.</summary>
/// <param name="Score">Their likeness.</param>
/// <param name="LowName">The lower of the two names (lowest member id): breaks ties.</param>
/// <param name="HighName">The higher of the two names.</param>
/// <param name="A">One group's node.</param>
/// <param name="B">The other's.</param>
/// <param name="VersionA">How often A had changed.</param>
/// <param name="VersionB">How often B had changed.</param>
internal readonly record struct Join(double Score, long LowName, long HighName, int A, int B, int VersionA, int VersionB)
{
    /// <summary>Higher scores first, ties by the lower names: an order of ids, whatever the order of insertion.</summary>
    public bool Precedes(in Join other) =>
        Score != other.Score ? Score > other.Score
        : LowName != other.LowName ? LowName < other.LowName
        : HighName < other.HighName;
}

/// <summary>Binary heap of joins, best first.</summary>
internal sealed class JoinQueue
{
    private Join[] _heap = new Join[1024];

    public int Count { get; private set; }

    public void Push(in Join join)
    {
        if (Count == _heap.Length) Array.Resize(ref _heap, Count * 2);
        int at = Count++;
        for (int parent = (at - 1) / 2; at > 0 && join.Precedes(_heap[parent]); parent = (at - 1) / 2)
        {
            _heap[at] = _heap[parent];
            at = parent;
        }

        _heap[at] = join;
    }

    public Join Pop()
    {
        Join best = _heap[0], last = _heap[--Count];
        int at = 0;
        for (int child = 1; child < Count; child = (2 * at) + 1)
        {
            if (child + 1 < Count && _heap[child + 1].Precedes(_heap[child])) child++;
            if (!_heap[child].Precedes(last)) break;
            _heap[at] = _heap[child];
            at = child;
        }

        _heap[at] = last;
        return best;
    }
}
