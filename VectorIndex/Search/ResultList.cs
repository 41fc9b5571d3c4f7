namespace FaceSearch.VectorIndex.Search;

/// <summary>The best k results in the caller's span, kept sorted: higher score first, then lower id.</summary>
internal ref struct ResultList(Span<Neighbour> results)
{
    private readonly Span<Neighbour> _results = results;

    public int Count { get; private set; }

    public readonly bool IsFull => Count == _results.Length;

    /// <summary>Score that a newcomer must reach; meaningful once full.</summary>
    public readonly float Worst => _results[Count - 1].Score;

    public void Offer(long id, float score)
    {
        if (IsFull && !Precedes(id, score, _results[Count - 1])) return;
        int low = 0, high = Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (Precedes(id, score, _results[middle])) high = middle;
            else low = middle + 1;
        }

        if (!IsFull) Count++;
        _results[low..(Count - 1)].CopyTo(_results[(low + 1)..]);
        _results[low] = new Neighbour(id, score);
    }

    /// <summary>Long lists are only looked through when an update was seen: the comparison is quadratic.</summary>
    private const int AlwaysUpTo = 256;

    /// <summary>
    /// Keeps the first of equal ids: an id that was updated, or removed and added again, during the search can have been met in both slots.
    /// </summary>
    /// <param name="updated">An update came in between.</param>
    public void RemoveDuplicates(bool updated)
    {
        if (!updated && Count > AlwaysUpTo) return;
        int kept = 0;
        for (int i = 0; i < Count; i++)
        {
            bool seen = false;
            for (int j = 0; j < kept && !seen; j++) seen = _results[j].Id == _results[i].Id;
            if (!seen) _results[kept++] = _results[i];
        }

        Count = kept;
    }

    private static bool Precedes(long id, float score, Neighbour other) =>
        score > other.Score || (score == other.Score && id < other.Id);
}
