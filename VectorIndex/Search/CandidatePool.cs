namespace FaceSearch.VectorIndex.Search;

/// <summary>
/// The ef best nodes of a walk in one sorted array (best first), in place of Algorithm 2's two heaps: the array is both W and C, a bit
/// says which nodes have been expanded, and a cursor points at the best that has not. (The idea is NSG's and Glass's.)
/// </summary>
internal unsafe struct CandidatePool(ulong* keys, int capacity)
{
    private readonly ulong* _keys = keys;
    private readonly int _capacity = capacity;
    private int _cursor;

    public int Count { get; private set; }

    public readonly ulong* Keys => _keys;

    /// <summary>A node must score more than this to enter.</summary>
    public int Worst { get; private set; } = int.MinValue;

    public readonly int BestScore => CandidateKey.Score(_keys[0]);

    /// <summary>The best node not yet expanded, now marked as expanded; -1 when all are.</summary>
    public int Next()
    {
        while (_cursor < Count)
        {
            ref ulong key = ref _keys[_cursor++];
            if ((key & CandidateKey.ExpandedBit) != 0) continue;
            key |= CandidateKey.ExpandedBit;
            return CandidateKey.Slot(key);
        }

        return -1;
    }

    /// <summary>The node that <see cref="Next"/> would return now, or -1: for prefetching.</summary>
    public readonly int Peek()
    {
        for (int i = _cursor; i < Count; i++)
        {
            if ((_keys[i] & CandidateKey.ExpandedBit) == 0) return CandidateKey.Slot(_keys[i]);
        }

        return -1;
    }

    /// <summary>Inserts a node; returns its rank.</summary>
    public int Insert(int score, int node)
    {
        ulong key = CandidateKey.Of(score, node);
        int low = 0, high = Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_keys[middle] >= key) low = middle + 1;
            else high = middle;
        }

        int moved = (Count < _capacity ? Count : _capacity - 1) - low;
        if (moved > 0) Buffer.MemoryCopy(_keys + low, _keys + low + 1, (long)moved * sizeof(ulong), (long)moved * sizeof(ulong));
        _keys[low] = key;
        if (Count < _capacity) Count++;
        if (Count == _capacity) Worst = CandidateKey.Score(_keys[Count - 1]);
        if (low < _cursor) _cursor = low;
        return low;
    }
}
