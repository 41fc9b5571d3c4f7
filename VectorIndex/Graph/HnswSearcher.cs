using FaceSearch.VectorIndex.Kernels;
using FaceSearch.VectorIndex.Quantisation;
using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Graph;

/// <summary>Algorithms 2 and 5 of Malkov and Yashunin, on quantised codes.</summary>
internal static unsafe class HnswSearcher
{
    /// <summary>A query as a walk sees it.</summary>
    internal readonly struct Probe(SlotStore store, CodeTable codes, SearchScratch scratch, sbyte* query, int bias)
    {
        public readonly SlotStore Store = store;
        public readonly CodeTable Codes = codes;
        public readonly SearchScratch Scratch = scratch;
        public readonly sbyte* Query = query;
        public readonly int Bias = bias;

        public int Score(int slot)
        {
            int score;
            Store.Kernel.Gather(Query, Bias, Codes.Base, Codes.Stride, &slot, 1, &score);
            return score;
        }
    }

    /// <summary>
    /// Algorithm 5's first part: from the entry point greedily (ef = 1) down to <paramref name="toLevel"/>; returns the node reached there.
    /// </summary>
    public static int Descend(HnswGraph graph, in Probe probe, int level, int node, int toLevel)
    {
        GraphLayer[] layers = graph.Layers;
        for (; level > toLevel; level--)
        {
            GraphLayer layer = layers[level];
            int best = probe.Score(layer.SlotOf(node));
            for (bool moved = true; moved;)
            {
                moved = false;
                int n = 0;
                int* links = layer.Links(node), nodes = probe.Scratch.Nodes, rows = probe.Scratch.Rows, scores = probe.Scratch.Scores;
                for (int i = 0; i < layer.Width && links[i] != GraphLayer.End; i++)
                {
                    int next = links[i];
                    rows[n] = layer.SlotOf(next);
                    if (rows[n] < 0) continue;
                    nodes[n++] = next;
                }

                probe.Store.Kernel.Gather(probe.Query, probe.Bias, probe.Codes.Base, probe.Codes.Stride, rows, n, scores);
                for (int i = 0; i < n; i++)
                {
                    if (scores[i] <= best || IsGone(probe.Store, rows[i])) continue;
                    best = scores[i];
                    node = nodes[i];
                    moved = true;
                }
            }

            node = layer.Below(node);
        }

        return node;
    }

    /// <summary>
    /// Algorithm 2: best-first walk of one layer from the nodes already in the pool, until no node of the pool is unexpanded.
    /// Visited nodes are marked in the scratch's bitmap, cleared by the caller for <paramref name="limit"/> nodes. Returns nodes scored.
    /// </summary>
    public static int Walk(GraphLayer layer, in Probe probe, int limit, ref CandidatePool pool)
    {
        var never = EarlyDecision.Never;
        return Walk(layer, probe, limit, ref pool, ref never);
    }

    /// <summary>The same, until <paramref name="decision"/> says stop.</summary>
    public static int Walk(GraphLayer layer, in Probe probe, int limit, ref CandidatePool pool, ref EarlyDecision decision)
    {
        int* fresh = probe.Scratch.Nodes, scores = probe.Scratch.Scores;
        int* rows = layer.Level == 0 ? fresh : probe.Scratch.Rows;
        int rowBytes = probe.Codes.Stride, scored = 0, best = pool.Count > 0 ? pool.BestScore : int.MinValue;
        for (int node = pool.Next(); node >= 0; node = pool.Next())
        {
            int n = CollectUnvisited(layer, layer.Links(node), probe, limit, fresh, rows);
            int ahead = pool.Peek();
            if (ahead >= 0) KernelSelector.Prefetch(layer.Links(ahead), layer.Width * sizeof(int));
            probe.Store.Kernel.Gather(probe.Query, probe.Bias, probe.Codes.Base, rowBytes, rows, n, scores);
            scored += n;
            for (int i = 0; i < n; i++)
            {
                if (scores[i] <= pool.Worst) continue;
                SlotState state = probe.Store.State(rows[i]);
                if (IsGone(state)) continue;
                pool.Insert(scores[i], fresh[i]);
                // Who is being removed shows the way but is no answer.
                if (state != SlotState.Dying && scores[i] > best) best = scores[i];
            }

            if (decision.IsMade(best)) break;
        }

        return scored;
    }

    public static bool MarkVisited(ulong* visited, int node)
    {
        ulong bit = 1UL << (node & 63);
        ref ulong word = ref visited[node >> 6];
        bool first = (word & bit) == 0;
        word |= bit;
        return first;
    }

    /// <summary>Removed, or not there at all: such nodes are neither results nor stepping stones.</summary>
    public static bool IsGone(SlotStore store, int slot) => IsGone(store.State(slot));

    /// <summary>Gone or about to be: no link is to lead there, and none from there counts.</summary>
    public static bool IsLeaving(SlotStore store, int slot) => store.State(slot) is not (SlotState.Live or SlotState.Pending);

    private static bool IsGone(SlotState state) => state is SlotState.Dead or SlotState.Free;

    private static int CollectUnvisited(GraphLayer layer, int* links, in Probe probe, int limit, int* fresh, int* rows)
    {
        ulong* visited = probe.Scratch.Visited;
        int n = 0, width = layer.Width, rowBytes = probe.Codes.Stride;
        byte* codes = probe.Codes.Base;
        for (int i = 0; i < width; i++)
        {
            int next = links[i];
            if (next < 0) break;
            if (next >= limit || !MarkVisited(visited, next)) continue;
            int slot = layer.SlotOf(next);
            if (slot < 0) continue;
            KernelSelector.Prefetch(codes + ((long)slot * rowBytes), rowBytes);
            rows[n] = slot;
            fresh[n++] = next;
        }

        return n;
    }
}
