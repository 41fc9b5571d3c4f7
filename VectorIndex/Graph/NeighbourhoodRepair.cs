using FaceSearch.VectorIndex.Quantisation;
using FaceSearch.VectorIndex.Search;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Graph;

/// <summary>
/// Deletion. Whoever linked to the removed node chooses its row anew among its old neighbours, the removed node's (as FreshDiskANN
/// does: Singh et al. 2021) and the nodes nearest to it, so paths that led through the node lead around it. In-links lie close: a walk around the node finds
/// nearly all; <see cref="Sweep"/> finds the rest before a slot is used again.
/// </summary>
internal static unsafe class NeighbourhoodRepair
{
    /// <summary>Width of the walk that looks for in-links.</summary>
    private const int Ef = 96;

    public static void Unlink(HnswGraph graph, int slot, SearchScratch scratch)
    {
        GraphLayer[] layers = graph.Layers;
        for (int l = layers.Length - 1; l >= 0; l--)
        {
            int node = l == 0 ? slot : layers[l].FindNode(slot);
            if (node >= 0) UnlinkFrom(graph, layers[l], node, slot, scratch);
        }

        MoveEntry(graph, slot);
    }

    /// <summary>Removes every link to the given slots, which no running operation can see any more, and frees their upper nodes.</summary>
    public static void Sweep(HnswGraph graph, ReadOnlySpan<int> slots)
    {
        GraphLayer[] layers = graph.Layers;
        var gone = new ulong[(graph.Base.Count + 63) / 64];
        foreach (int slot in slots)
        {
            if (slot >> 6 < gone.Length) gone[slot >> 6] |= 1UL << (slot & 63);
        }

        foreach (GraphLayer layer in layers)
        {
            for (int node = 0; node < layer.Count; node++) RemoveGone(layer, node, gone);
            if (layer.Level == 0) continue;
            for (int node = 0; node < layer.Count; node++)
            {
                if (IsIn(gone, layer.SlotOf(node))) layer.FreeNode(node);
            }
        }
    }

    private static void UnlinkFrom(HnswGraph graph, GraphLayer layer, int node, int slot, SearchScratch scratch)
    {
        Span<int> outgoing = stackalloc int[layer.Width];
        outgoing = outgoing[..layer.Degree(node)];
        new ReadOnlySpan<int>(layer.Links(node), outgoing.Length).CopyTo(outgoing);
        CodeTable codes = graph.Store.Codes;
        int bias = Quantiser.RowAsQuery(codes.Row(slot), codes.Stride, scratch.Encoded);
        var probe = new HnswSearcher.Probe(graph.Store, codes, scratch, scratch.Encoded, bias);
        int limit = layer.Count;
        scratch.ClearVisited(limit);
        scratch.EnsurePool(Ef);
        var pool = new CandidatePool(scratch.Pool, Ef);
        HnswSearcher.MarkVisited(scratch.Visited, node);
        foreach (int neighbour in outgoing)
        {
            if (neighbour >= limit || layer.SlotOf(neighbour) < 0 || !HnswSearcher.MarkVisited(scratch.Visited, neighbour)) continue;
            if (!HnswSearcher.IsGone(graph.Store, layer.SlotOf(neighbour))) pool.Insert(probe.Score(layer.SlotOf(neighbour)), neighbour);
        }

        HnswSearcher.Walk(layer, probe, limit, ref pool);
        Span<int> around = stackalloc int[2 * layer.Width], union = stackalloc int[3 * layer.Width];
        around = around[..Around(outgoing, pool, layer.Width, around)];
        for (int i = 0; i < pool.Count; i++) Bypass(graph.Store, codes, layer, CandidateKey.Slot(pool.Keys[i]), node, around, union, scratch);
        foreach (int neighbour in outgoing) InLinks.Ensure(graph.Store, layer, neighbour);
    }

    /// <summary>The removed node's neighbours and the nearest of the pool; returns how many.</summary>
    private static int Around(ReadOnlySpan<int> outgoing, in CandidatePool pool, int nearest, Span<int> around)
    {
        outgoing.CopyTo(around);
        int n = outgoing.Length;
        for (int i = 0; i < Math.Min(nearest, pool.Count); i++)
        {
            int near = CandidateKey.Slot(pool.Keys[i]);
            if (!outgoing.Contains(near)) around[n++] = near;
        }

        return n;
    }

    /// <summary>If <paramref name="from"/> links to the removed node, its row is chosen anew without it.</summary>
    private static void Bypass(SlotStore store, CodeTable codes, GraphLayer layer, int from, int removed, ReadOnlySpan<int> around, Span<int> union, SearchScratch scratch)
    {
        if (new ReadOnlySpan<int>(layer.Links(from), layer.Width).IndexOf(removed) < 0) return;
        layer.Lock(from);
        try
        {
            int degree = layer.Degree(from), n = 0;
            var links = new ReadOnlySpan<int>(layer.Links(from), degree);
            foreach (int link in links)
            {
                if (link != removed) union[n++] = link;
            }

            int kept = n;
            foreach (int candidate in around)
            {
                if (candidate != from && candidate != removed && union[..n].IndexOf(candidate) < 0) union[n++] = candidate;
            }

            HnswInserter.Reselect(store, codes, layer, from, union[..n], union[..kept], scratch);
        }
        finally
        {
            layer.Unlock(from);
        }
    }

    private static void RemoveGone(GraphLayer layer, int node, ulong[] gone)
    {
        int* links = layer.Links(node);
        bool found = false;
        for (int i = 0; i < layer.Width && links[i] != GraphLayer.End && !found; i++) found = IsIn(gone, layer.SlotOf(links[i]));
        if (!found) return;
        layer.Lock(node);
        try
        {
            int degree = layer.Degree(node), kept = 0;
            Span<int> rest = stackalloc int[layer.Width];
            for (int i = 0; i < degree; i++)
            {
                if (!IsIn(gone, layer.SlotOf(links[i]))) rest[kept++] = links[i];
            }

            layer.Write(node, rest[..kept]);
        }
        finally
        {
            layer.Unlock(node);
        }
    }

    private static bool IsIn(ulong[] set, int slot) => slot >= 0 && slot >> 6 < set.Length && (set[slot >> 6] >> (slot & 63) & 1) != 0;

    /// <summary>If walks begin at the removed slot, they begin at another node of the highest layer that has one.</summary>
    private static void MoveEntry(HnswGraph graph, int slot)
    {
        if (!graph.TryGetEntry(out int level, out int node) || graph.Layers[level].SlotOf(node) != slot) return;
        lock (graph.EntryGate)
        {
            if (!graph.TryGetEntry(out level, out node) || graph.Layers[level].SlotOf(node) != slot) return;
            for (; level >= 0; level--)
            {
                int other = AnyNode(graph, graph.Layers[level], slot);
                if (other < 0) continue;
                graph.SetEntry(level, other);
                return;
            }

            graph.SetEntry(-1, -1);
        }
    }

    private static int AnyNode(HnswGraph graph, GraphLayer layer, int except)
    {
        for (int node = 0; node < layer.Count; node++)
        {
            int slot = layer.SlotOf(node);
            if (slot < 0 || slot == except || graph.Store.State(slot) != SlotState.Live || !graph.IsMember(slot)) continue;
            return node;
        }

        return -1;
    }
}
