using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Search;

/// <summary>How much of the index a filter accepts, which decides between graph and exact scan.</summary>
internal static unsafe class FilterShare
{
    /// <summary>Below this share a walk would have to keep fifty nodes for every result: the exact scan is quicker, and exact.</summary>
    public const double Selective = 0.02;

    private const int Samples = 256;

    public static double Estimate(SlotStore store, IIdFilter filter)
    {
        if (store.Count == 0) return 1;
        if (filter is SlotFilter slots) return (double)slots.Count / store.Count;
        int high = store.High, step = Math.Max(1, high / Samples), live = 0, accepted = 0;
        for (int slot = 0; slot < high; slot += step)
        {
            if (store.State(slot) != SlotState.Live) continue;
            live++;
            if (filter.Accepts(store.Ids[slot])) accepted++;
        }

        return live == 0 ? 1 : (double)accepted / live;
    }

    /// <summary>ef such that about as many accepted nodes are kept as an unfiltered walk would keep nodes.</summary>
    public static int Widen(int ef, double share) => (int)Math.Min(ef / share, Math.Max(ef, 8 * VectorIndexBase.MaxResults));
}
