using FaceSearch.VectorIndex.Quantisation;
using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Graph;

/// <summary>
/// Algorithm 4, without extension and without keeping pruned candidates: a candidate is kept only if it is closer to the base than to
/// every neighbour kept before it. Turned inside out for speed: each kept neighbour is scored against all remaining candidates at once.
/// </summary>
internal static unsafe class NeighbourSelection
{
    /// <param name="store">Kernel and codes.</param>
    /// <param name="codes">The code table that the candidates' scores are from.</param>
    /// <param name="layer">Layer of the nodes.</param>
    /// <param name="keys">Candidates with their scores to the base, best first; overwritten.</param>
    /// <param name="count">How many.</param>
    /// <param name="selected">Receives the kept nodes, best first.</param>
    /// <param name="scratch">Row query, rows and scores are used.</param>
    /// <returns>How many were kept.</returns>
    public static int Select(SlotStore store, CodeTable codes, GraphLayer layer, ulong* keys, int count, Span<int> selected, SearchScratch scratch)
    {
        int kept = 0;
        int* rows = scratch.Rows, scores = scratch.Scores;
        while (count > 0)
        {
            int node = CandidateKey.Slot(keys[0]);
            selected[kept++] = node;
            if (kept == selected.Length) break;
            int bias = Quantiser.RowAsQuery(codes.Row(layer.SlotOf(node)), codes.Stride, scratch.RowQuery);
            for (int i = 1; i < count; i++) rows[i - 1] = layer.SlotOf(CandidateKey.Slot(keys[i]));
            store.Kernel.Gather(scratch.RowQuery, bias, codes.Base, codes.Stride, rows, count - 1, scores);
            int remaining = 0;
            for (int i = 1; i < count; i++)
            {
                if (scores[i - 1] <= CandidateKey.Score(keys[i])) keys[remaining++] = keys[i];
            }

            count = remaining;
        }

        return kept;
    }
}
