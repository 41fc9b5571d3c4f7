using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Graph;

/// <summary>
/// Keeps every node reachable. Algorithm 4 may drop the last link that leads to a node, which then can never be found; the paper does
/// not say what to do. Here a node may only be dropped while one of its own neighbours links back to it; else it is kept on.
/// Checks run best neighbour first and almost always end at the first or second row.
/// </summary>
internal static unsafe class InLinks
{
    /// <summary>True if a neighbour of <paramref name="node"/>, other than <paramref name="except"/>, links back to it.</summary>
    public static bool Exist(SlotStore store, GraphLayer layer, int node, int except)
    {
        int* links = layer.Links(node);
        for (int i = 0; i < layer.Width && links[i] != GraphLayer.End; i++)
        {
            int neighbour = links[i];
            if (neighbour != except && IsThere(store, layer, neighbour) && Contains(layer, neighbour, node)) return true;
        }

        return false;
    }

    /// <summary>
    /// Appends to a new row of <paramref name="node"/> those old links that nothing else would lead to; a full row gives up links, from its
    /// end, that something else leads to. Returns the row's length.
    /// </summary>
    public static int Rescue(SlotStore store, GraphLayer layer, int node, ReadOnlySpan<int> old, Span<int> row, int kept)
    {
        int give = kept - 1, chosen = kept;
        foreach (int link in old)
        {
            if (row[..kept].Contains(link) || !IsThere(store, layer, link) || Exist(store, layer, link, node)) continue;
            if (kept < layer.Width)
            {
                row[kept++] = link;
                continue;
            }

            // The first link, the nearest, is never given up.
            while (give > 0 && !Exist(store, layer, row[give], node)) give--;
            if (give <= 0 || give >= chosen) break;
            row[give--] = link;
        }

        return kept;
    }

    /// <summary>If nothing leads to a node any more, one of its neighbours is made to.</summary>
    public static void Ensure(SlotStore store, GraphLayer layer, int node)
    {
        if (!IsThere(store, layer, node) || Exist(store, layer, node, except: GraphLayer.End)) return;
        int* links = layer.Links(node);
        Span<int> row = stackalloc int[layer.Width];
        for (int i = 0; i < layer.Width && links[i] != GraphLayer.End; i++)
        {
            int neighbour = links[i];
            if (neighbour == node || !IsThere(store, layer, neighbour)) continue;
            layer.Lock(neighbour);
            try
            {
                int degree = layer.Degree(neighbour);
                new ReadOnlySpan<int>(layer.Links(neighbour), degree).CopyTo(row);
                int before = degree;
                degree = Rescue(store, layer, neighbour, [node], row, degree);
                if (!row[..degree].Contains(node)) continue;
                if (degree > before) Volatile.Write(ref layer.Links(neighbour)[before], node);
                else layer.Write(neighbour, row[..degree]);
                return;
            }
            finally
            {
                layer.Unlock(neighbour);
            }
        }
    }

    private static bool Contains(GraphLayer layer, int node, int link) => new ReadOnlySpan<int>(layer.Links(node), layer.Width).Contains(link);

    private static bool IsThere(SlotStore store, GraphLayer layer, int node)
    {
        int slot = layer.SlotOf(node);
        return slot >= 0 && !HnswSearcher.IsLeaving(store, slot);
    }
}
