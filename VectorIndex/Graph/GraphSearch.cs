using FaceSearch.VectorIndex.Flat;
using FaceSearch.VectorIndex.Quantisation;
using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Graph;

/// <summary>One search of the graph, and of a flat tail beside it: encode, descend, walk, rerank.</summary>
internal static unsafe class GraphSearch
{
    /// <summary>The rerank reads on while an estimate is within this many standard deviations of rounding noise of the k-th result.</summary>
    private const float Sigmas = 6;

    public static SearchOutcome Search(HnswGraph graph, TailList? tail, SearchScratch scratch, ReadOnlySpan<float> query, Span<Neighbour> results, int ef, in SearchOptions options)
    {
        SlotStore store = graph.Store;
        int updates = store.Updates;
        // The tail is read before the graph: what the background thread moves meanwhile is then seen twice rather than never.
        ReadOnlySpan<int> tailSlots = tail is null ? [] : tail.Slots;
        CodeTable codes = store.Codes;
        RerankQuery rerank = QueryEncoder.Encode(store, codes, scratch, 0, query, options, updates);
        var probe = new HnswSearcher.Probe(store, codes, scratch, scratch.Encoded, scratch.Biases[0]);
        scratch.EnsurePool(ef);
        var pool = new CandidatePool(scratch.Pool, ef);
        int scored = 0;
        float noise = Math.Min(rerank.ErrorBound, Sigmas * MathF.Sqrt(((codes.Step * codes.Step) + (rerank.QueryStep * rerank.QueryStep)) / 12));
        EarlyDecision decision = options.DecisionThreshold is { } threshold ? EarlyDecision.At(threshold, rerank.Unit, noise, ef) : EarlyDecision.Never;
        if (graph.TryGetEntry(out int level, out int node))
        {
            node = HnswSearcher.Descend(graph, probe, level, node, toLevel: 0);
            int limit = graph.Base.Count;
            scratch.ClearVisited(limit);
            if (node < limit)
            {
                HnswSearcher.MarkVisited(scratch.Visited, node);
                pool.Insert(probe.Score(node), node);
                scored = HnswSearcher.Walk(graph.Base, probe, limit, ref pool, ref decision);
            }
        }

        var list = new ResultList(results);
        ulong* keys = pool.Keys;
        int count = pool.Count;
        if (tailSlots.Length > 0) MergeTail(store, codes, scratch, tailSlots, results.Length, rerank, ref keys, ref count);
        Reranker.Rerank(store, codes, rerank with { ErrorBound = noise }, keys, count, ref list);
        list.RemoveDuplicates(store.Updates != updates);
        return new SearchOutcome(list.Count, decision.Stopped, Exact: false, scored + tailSlots.Length);
    }

    /// <summary>Scans the tail exactly and merges its candidates with the pool's into one sorted list without duplicates.</summary>
    private static void MergeTail(SlotStore store, CodeTable codes, SearchScratch scratch, ReadOnlySpan<int> tail, int k, in RerankQuery query, ref ulong* keys, ref int count)
    {
        int entries = ScanQuery.ScratchEntries(k);
        scratch.EnsureCandidates(entries + count + entries);
        var scan = new ScanQuery(scratch.Candidates, k, query);
        fixed (int* slots = tail) FlatScanner.ScanList(store, codes, scratch, ref scan, slots, tail.Length);
        int found = scan.Finish();
        ulong* merged = scratch.Candidates + entries;
        int n = 0, a = 0, b = 0;
        while (a < count || b < found)
        {
            ulong left = a < count ? keys[a] & ~CandidateKey.ExpandedBit : 0, right = b < found ? scan.Candidates[b] : 0;
            if (left >= right) a++;
            if (right >= left) b++;
            ulong best = Math.Max(left, right);
            // A slot that was freed and taken again while it waited can stand in the tail twice.
            if (n == 0 || merged[n - 1] != best) merged[n++] = best;
        }

        keys = merged;
        count = n;
    }
}
