using FaceSearch.VectorIndex.Quantisation;
using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Graph;

/// <summary>
/// Algorithm 1: finds a new node's neighbours layer by layer from the top, then links them from the bottom, so that whoever meets the
/// node on an upper layer can always go on below. Works on codes alone; concurrent with itself and with searches.
/// </summary>
internal static unsafe class HnswInserter
{
    public static void Insert(HnswGraph graph, int slot, SearchScratch scratch)
    {
        int level = graph.DrawLevel();
        graph.InitialiseSlot(slot);
        bool hasEntry = graph.TryGetEntry(out int top, out _);
        if (hasEntry && level <= top)
        {
            Link(graph, slot, level, scratch);
            return;
        }

        // A new top: one at a time, and whoever comes second looks again.
        lock (graph.EntryGate)
        {
            while (graph.Layers.Length <= level) graph.AddLayer();
            int topNode = Link(graph, slot, level, scratch);
            if (!graph.TryGetEntry(out top, out _) || level > top) graph.SetEntry(level, topNode);
        }
    }

    /// <summary>Links a slot on layers 0 to <paramref name="level"/>; returns its node on the highest.</summary>
    private static int Link(HnswGraph graph, int slot, int level, SearchScratch scratch)
    {
        CodeTable codes = graph.Store.Codes;
        int bias = Quantiser.RowAsQuery(codes.Row(slot), codes.Stride, scratch.Encoded);
        var probe = new HnswSearcher.Probe(graph.Store, codes, scratch, scratch.Encoded, bias);
        int m = graph.Options.M;
        Span<int> counts = stackalloc int[HnswGraph.MaxLayers];
        Span<int> selected = stackalloc int[(level + 1) * m];
        counts.Clear();
        if (graph.TryGetEntry(out int top, out int node))
        {
            node = HnswSearcher.Descend(graph, probe, top, node, level);
            for (int l = Math.Min(top, level); l >= 0; l--)
            {
                GraphLayer layer = graph.Layers[l];
                int nearest = node;
                counts[l] = FindNeighbours(layer, probe, graph.Options.EfConstruction, slot, ref nearest, selected.Slice(l * m, m));
                node = l > 0 ? layer.Below(nearest) : nearest;
            }
        }

        int self = slot;
        for (int l = 0; l <= level; l++)
        {
            GraphLayer layer = graph.Layers[l];
            if (l > 0) self = layer.AddNode(slot, self);
            ReadOnlySpan<int> neighbours = selected.Slice(l * m, counts[l]);
            layer.Write(self, neighbours);
            foreach (int neighbour in neighbours) Connect(graph.Store, codes, layer, neighbour, self, scratch);
            InLinks.Ensure(graph.Store, layer, self);
        }

        return self;
    }

    private static int FindNeighbours(GraphLayer layer, in HnswSearcher.Probe probe, int ef, int self, ref int nearest, Span<int> selected)
    {
        SearchScratch scratch = probe.Scratch;
        int limit = layer.Count;
        scratch.ClearVisited(limit);
        scratch.EnsurePool(ef);
        var pool = new CandidatePool(scratch.Pool, ef);
        if (layer.Level == 0 && self < limit) HnswSearcher.MarkVisited(scratch.Visited, self);
        if (nearest >= limit || nearest == self && layer.Level == 0) return 0;
        HnswSearcher.MarkVisited(scratch.Visited, nearest);
        pool.Insert(probe.Score(layer.SlotOf(nearest)), nearest);
        HnswSearcher.Walk(layer, probe, limit, ref pool);
        int count = DropLeaving(probe.Store, layer, pool.Keys, pool.Count);
        if (count == 0) return 0;
        nearest = CandidateKey.Slot(pool.Keys[0]);
        return NeighbourSelection.Select(probe.Store, probe.Codes, layer, pool.Keys, count, selected, scratch);
    }

    /// <summary>Adds a link from a node to a new one; a full row is chosen anew among all (Algorithm 1, lines 12 to 16).</summary>
    private static void Connect(SlotStore store, CodeTable codes, GraphLayer layer, int node, int added, SearchScratch scratch)
    {
        layer.Lock(node);
        try
        {
            int degree = layer.Degree(node);
            int* links = layer.Links(node);
            if (degree < layer.Width)
            {
                Volatile.Write(ref links[degree], added);
                return;
            }

            Span<int> all = stackalloc int[layer.Width + 1];
            new ReadOnlySpan<int>(links, degree).CopyTo(all);
            all[degree] = added;
            Reselect(store, codes, layer, node, all, all[..degree], scratch);
        }
        finally
        {
            layer.Unlock(node);
        }
    }

    /// <summary>
    /// Chooses a node's row among candidates by Algorithm 4, and keeps those of its <paramref name="old"/> links that would otherwise be
    /// unreachable. The caller holds the node's lock.
    /// </summary>
    public static void Reselect(SlotStore store, CodeTable codes, GraphLayer layer, int node, ReadOnlySpan<int> candidates, ReadOnlySpan<int> old, SearchScratch scratch)
    {
        int bias = Quantiser.RowAsQuery(codes.Row(layer.SlotOf(node)), codes.Stride, scratch.RowQuery);
        int* rows = scratch.Rows, scores = scratch.Scores;
        int n = 0;
        Span<int> nodes = stackalloc int[candidates.Length];
        foreach (int candidate in candidates)
        {
            int slot = layer.SlotOf(candidate);
            if (slot < 0 || HnswSearcher.IsLeaving(store, slot)) continue;
            nodes[n] = candidate;
            rows[n++] = slot;
        }

        store.Kernel.Gather(scratch.RowQuery, bias, codes.Base, codes.Stride, rows, n, scores);
        ulong* keys = stackalloc ulong[n];
        for (int i = 0; i < n; i++) keys[i] = CandidateKey.Of(scores[i], nodes[i]);
        var sorted = new Span<ulong>(keys, n);
        sorted.Sort();
        sorted.Reverse();
        Span<int> selected = stackalloc int[layer.Width];
        int kept = NeighbourSelection.Select(store, codes, layer, keys, n, selected, scratch);
        kept = InLinks.Rescue(store, layer, node, old, selected, kept);
        layer.Write(node, selected[..kept]);
    }

    private static int DropLeaving(SlotStore store, GraphLayer layer, ulong* keys, int count)
    {
        int kept = 0;
        for (int i = 0; i < count; i++)
        {
            if (!HnswSearcher.IsLeaving(store, layer.SlotOf(CandidateKey.Slot(keys[i])))) keys[kept++] = keys[i] & ~CandidateKey.ExpandedBit;
        }

        return kept;
    }
}
