using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Flat;

/// <summary>
/// One query's state during a scan: a min-heap of the k best estimates, which gives the threshold, and the candidates above it.
/// </summary>
internal unsafe struct ScanQuery
{
    private readonly int* _heap;
    private readonly ulong* _candidates;
    private readonly int _k;
    private readonly int _capacity;
    private readonly int _band;
    private readonly int _floor;
    private readonly int _updates;
    private readonly SlotFilter? _slotFilter;
    private readonly IIdFilter? _filter;
    private int _heapCount;

    /// <param name="memory">Scratch of <see cref="ScratchEntries"/> words.</param>
    /// <param name="k">Results wanted.</param>
    /// <param name="query">The query as the reranker will see it.</param>
    public ScanQuery(ulong* memory, int k, in RerankQuery query)
    {
        _k = k;
        _capacity = CandidateCapacity(k);
        _candidates = memory;
        _heap = (int*)(memory + _capacity);
        // Rounded outwards, so that integer comparison never excludes what float32 would keep.
        _band = (int)Math.Min(Math.Ceiling(2.0 * query.ErrorBound / query.Unit) + 1, int.MaxValue / 2);
        _floor = float.IsNegativeInfinity(query.MinScore)
            ? int.MinValue
            : (int)Math.Max(Math.Floor(((double)query.MinScore - query.ErrorBound) / query.Unit) - 1, int.MinValue);
        Threshold = _floor;
        _updates = query.Updates;
        _filter = query.Filter;
        _slotFilter = query.Filter as SlotFilter;
    }

    /// <summary>Estimates below this cannot be among the results.</summary>
    public int Threshold { get; private set; }

    /// <summary>More rows than fit lie within the error bound of the k-th best (thousands of near-duplicates): only float32 can tell.</summary>
    public bool Overflowed { get; private set; }

    public int CandidateCount { get; private set; }

    public readonly ulong* Candidates => _candidates;

    /// <summary>Words of scratch that a query of k results needs.</summary>
    public static int ScratchEntries(int k) => CandidateCapacity(k) + ((k + 1) / 2);

    public void Offer(SlotStore store, int slot, int score)
    {
        SlotState state = store.State(slot);
        if (state != SlotState.Live && (state != SlotState.Superseded || store.Updates == _updates)) return;
        if (_slotFilter is not null ? !_slotFilter.AcceptsSlot(slot) : _filter is not null && !_filter.Accepts(store.Ids[slot])) return;
        if (CandidateCount == _capacity) Compact();
        if (CandidateCount == _capacity)
        {
            Overflowed = true;
            Threshold = int.MaxValue;
            return;
        }

        _candidates[CandidateCount++] = CandidateKey.Of(score, slot);
        PushHeap(score);
        if (_heapCount == _k) Threshold = (int)Math.Max(_floor, Math.Max((long)_heap[0] - _band, int.MinValue));
    }

    /// <summary>Sorts the candidates that are still possible, best first; returns how many.</summary>
    public int Finish()
    {
        Compact();
        var keys = new Span<ulong>(_candidates, CandidateCount);
        keys.Sort();
        keys.Reverse();
        return CandidateCount;
    }

    private static int CandidateCapacity(int k) => Math.Max(4096, 4 * k);

    private void Compact()
    {
        int kept = 0;
        for (int i = 0; i < CandidateCount; i++)
        {
            if (CandidateKey.Score(_candidates[i]) >= Threshold) _candidates[kept++] = _candidates[i];
        }

        CandidateCount = kept;
    }

    private void PushHeap(int score)
    {
        int at;
        if (_heapCount < _k)
        {
            at = _heapCount++;
            for (; at > 0 && _heap[(at - 1) / 2] > score; at = (at - 1) / 2) _heap[at] = _heap[(at - 1) / 2];
            _heap[at] = score;
            return;
        }

        if (score <= _heap[0]) return;
        at = 0;
        for (int child = 1; child < _k; child = (2 * at) + 1)
        {
            if (child + 1 < _k && _heap[child + 1] < _heap[child]) child++;
            if (_heap[child] >= score) break;
            _heap[at] = _heap[child];
            at = child;
        }

        _heap[at] = score;
    }
}
