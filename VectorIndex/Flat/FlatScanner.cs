using System.Numerics;
using System.Runtime.Intrinsics;
using FaceSearch.VectorIndex.Quantisation;
using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Flat;

/// <summary>
/// Exact search. Every row's code is scored; a row is kept while its estimate is within twice the error bound of the k-th best
/// estimate, since only then can its true score be among the best k. What is left is reranked in float32: recall 1 by construction.
/// </summary>
internal static unsafe class FlatScanner
{
    /// <summary>Scans all slots for a batch of up to <see cref="SearchScratch.BatchQueries"/> queries with one pass over memory.</summary>
    public static void ScanAll(SlotStore store, CodeTable codes, SearchScratch scratch, Span<ScanQuery> queries)
    {
        int high = store.High;
        for (int first = 0; first < high; first += SearchScratch.BlockRows)
        {
            int rows = Math.Min(SearchScratch.BlockRows, high - first);
            if (queries.Length == 1)
                store.Kernel.Scan(scratch.Encoded, scratch.Biases[0], codes.Row(first), codes.Stride, rows, scratch.Scores);
            else
                store.Kernel.ScanBatch(scratch.Encoded, scratch.Biases, queries.Length, codes.Row(first), codes.Stride, rows, scratch.Scores);
            for (int q = 0; q < queries.Length; q++) Collect(store, ref queries[q], first, null, scratch.Scores + ((long)q * rows), rows);
        }
    }

    /// <summary>Scans only the slots listed: the flat tail of a tiered index.</summary>
    public static void ScanList(SlotStore store, CodeTable codes, SearchScratch scratch, ref ScanQuery query, int* slots, int count)
    {
        for (int first = 0; first < count; first += SearchScratch.BlockRows)
        {
            int rows = Math.Min(SearchScratch.BlockRows, count - first);
            store.Kernel.Gather(scratch.Encoded, scratch.Biases[0], codes.Base, codes.Stride, slots + first, rows, scratch.Scores);
            Collect(store, ref query, 0, slots + first, scratch.Scores, rows);
        }
    }

    private static void Collect(SlotStore store, ref ScanQuery query, int first, int* slots, int* scores, int rows)
    {
        int i = 0;
        for (; i + 16 <= rows; i += 16)
        {
            uint hits = (uint)Vector512.GreaterThanOrEqual(Vector512.Load(scores + i), Vector512.Create(query.Threshold)).ExtractMostSignificantBits();
            while (hits != 0)
            {
                int at = i + BitOperations.TrailingZeroCount(hits);
                hits &= hits - 1;
                if (scores[at] >= query.Threshold) query.Offer(store, slots == null ? first + at : slots[at], scores[at]);
            }
        }

        for (; i < rows; i++)
        {
            if (scores[i] >= query.Threshold) query.Offer(store, slots == null ? first + i : slots[i], scores[i]);
        }
    }
}
