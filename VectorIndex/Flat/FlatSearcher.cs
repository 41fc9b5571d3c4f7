using FaceSearch.VectorIndex.Kernels;
using FaceSearch.VectorIndex.Quantisation;
using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Flat;

/// <summary>Exact search of one query or many: encode, scan, rerank.</summary>
internal static unsafe class FlatSearcher
{
    public static SearchOutcome Search(SlotStore store, SearchScratch scratch, ReadOnlySpan<float> query, Span<Neighbour> results, in SearchOptions options)
    {
        Span<SearchOutcome> outcome = stackalloc SearchOutcome[1];
        SearchBatch(store, scratch, query, results.Length, results, outcome, options);
        return outcome[0];
    }

    /// <summary>At most <see cref="SearchScratch.BatchQueries"/> queries in one pass; the queries are validated.</summary>
    public static void SearchBatch(SlotStore store, SearchScratch scratch, ReadOnlySpan<float> queries, int k, Span<Neighbour> results, Span<SearchOutcome> outcomes, in SearchOptions options)
    {
        int count = outcomes.Length, updates = store.Updates;
        CodeTable codes = store.Codes;
        scratch.EnsureCandidates(count * ScanQuery.ScratchEntries(k));
        Span<ScanQuery> scans = scratch.Scans.AsSpan(0, count);
        Span<RerankQuery> reranks = scratch.Reranks.AsSpan(0, count);
        for (int q = 0; q < count; q++)
        {
            reranks[q] = QueryEncoder.Encode(store, codes, scratch, q, queries.Slice(q * store.Dimension, store.Dimension), options, updates);
            scans[q] = new ScanQuery(scratch.Candidates + ((long)q * ScanQuery.ScratchEntries(k)), k, reranks[q]);
        }

        int scanned = store.High;
        FlatScanner.ScanAll(store, codes, scratch, scans);
        for (int q = 0; q < count; q++)
        {
            var list = new ResultList(results.Slice(q * k, k));
            if (scans[q].Overflowed && store.HasVectors) ScanPlain(store, reranks[q], ref list);
            else Reranker.Rerank(store, codes, reranks[q], scans[q].Candidates, scans[q].Finish(), ref list);
            list.RemoveDuplicates(store.Updates != updates);
            scans[q] = default;
            reranks[q] = default;
            outcomes[q] = new SearchOutcome(list.Count, StoppedEarly: false, Exact: store.HasVectors, scanned);
        }
    }

    /// <summary>float32 product of every live row: for data so full of near-duplicates that codes cannot separate them.</summary>
    private static void ScanPlain(SlotStore store, in RerankQuery query, ref ResultList list)
    {
        for (int slot = 0; slot < store.High; slot++) Reranker.Offer(store, query, slot, ref list);
    }
}
