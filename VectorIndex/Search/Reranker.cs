using FaceSearch.VectorIndex.Kernels;
using FaceSearch.VectorIndex.Quantisation;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Search;

/// <summary>
/// Turns candidates (keys of <see cref="CandidateKey"/>, best first) into results: exact float32 scores, only live slots, filter and
/// threshold applied. It stops where the error bound says that no later candidate can matter.
/// </summary>
internal static unsafe class Reranker
{
    private const int Ahead = 4;

    public static void Rerank(SlotStore store, CodeTable codes, in RerankQuery query, ulong* keys, int count, ref ResultList results)
    {
        int vectorBytes = store.Dimension * sizeof(float);
        for (int i = 0; i < count; i++)
        {
            if (store.HasVectors && i + Ahead < count) KernelSelector.Prefetch(store.Vector(CandidateKey.Slot(keys[i + Ahead])), vectorBytes);
            float estimate = CandidateKey.Score(keys[i]) * query.Unit;
            if (estimate + query.ErrorBound < query.MinScore) return;
            if (results.IsFull && estimate + query.ErrorBound < results.Worst) return;
            int slot = CandidateKey.Slot(keys[i]);
            if (store.HasVectors) Offer(store, query, slot, ref results);
            else OfferEstimate(store, codes, query, slot, estimate, ref results);
        }
    }

    /// <summary>Scores one slot exactly and offers it.</summary>
    public static void Offer(SlotStore store, in RerankQuery query, int slot, ref ResultList results)
    {
        if (!Resolve(store, query, ref slot)) return;
        long id = store.Ids[slot];
        if (query.Filter is not null && !query.Filter.Accepts(id)) return;
        float score = store.Kernel.Dot(query.Vector, store.Vector(slot), store.Dimension);
        if (score < query.MinScore) return;
        // Removed while it was read: the score may be of zeroed bytes.
        if (store.State(slot) is SlotState.Live or SlotState.Superseded) results.Offer(id, score);
    }

    private static void OfferEstimate(SlotStore store, CodeTable codes, in RerankQuery query, int slot, float estimate, ref ResultList results)
    {
        int found = slot;
        if (!Resolve(store, query, ref slot)) return;
        long id = store.Ids[slot];
        if (query.Filter is not null && !query.Filter.Accepts(id)) return;
        float score = slot == found ? estimate : DecodedScore(store, codes, query, slot);
        if (score < query.MinScore) return;
        if (store.State(slot) is SlotState.Live or SlotState.Superseded) results.Offer(id, score);
    }

    /// <summary>False unless the slot may be a result. A slot whose id was updated during this search stands for the id's newer slot.</summary>
    private static bool Resolve(SlotStore store, in RerankQuery query, ref int slot)
    {
        SlotState state = store.State(slot);
        if (state == SlotState.Live) return true;
        if (state != SlotState.Superseded || store.Updates == query.Updates) return false;
        slot = store.Find(store.Ids[slot]);
        return slot >= 0;
    }

    private static float DecodedScore(SlotStore store, CodeTable codes, in RerankQuery query, int slot)
    {
        float score = 0;
        byte* row = codes.Row(slot);
        for (int i = 0; i < store.Dimension; i++) score += query.Vector[i] * (row[i] - Quantiser.ZeroPoint);
        return score * codes.Step;
    }
}

/// <summary>One query as the reranker needs it.</summary>
internal unsafe struct RerankQuery
{
    /// <summary>float32 query.</summary>
    public float* Vector { get; init; }

    /// <summary>Score of one integer unit.</summary>
    public float Unit { get; init; }

    /// <summary>Value of one query level.</summary>
    public float QueryStep { get; init; }

    /// <summary>How far an estimate may be from the true score.</summary>
    public float ErrorBound { get; init; }

    /// <summary>Results score at least this.</summary>
    public float MinScore { get; init; }

    /// <summary>Accepts results, or null.</summary>
    public IIdFilter? Filter { get; init; }

    /// <summary>The store's update counter when the search began.</summary>
    public int Updates { get; init; }
}

/// <summary>A candidate as one sortable word: integer score (biased to unsigned) above, slot and the expanded bit below.</summary>
internal static class CandidateKey
{
    public const ulong ExpandedBit = 1;

    public static ulong Of(int score, int slot) => ((ulong)((uint)score ^ 0x8000_0000u) << 32) | ((uint)slot << 1);

    public static int Score(ulong key) => (int)((uint)(key >> 32) ^ 0x8000_0000u);

    public static int Slot(ulong key) => (int)((uint)key >> 1);
}
