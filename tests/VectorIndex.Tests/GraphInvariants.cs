using FaceSearch.VectorIndex.Graph;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Tests;

/// <summary>What must hold of a graph at rest.</summary>
internal static unsafe class GraphInvariants
{
    public static List<int> Neighbours(GraphLayer layer, int node)
    {
        var result = new List<int>();
        int* links = layer.Links(node);
        for (int i = 0; i < layer.Width && links[i] != GraphLayer.End; i++) result.Add(links[i]);
        return result;
    }

    public static void Check(HnswIndex index) => Check(index.Store, index.Graph);

    public static void Check(SlotStore store, HnswGraph graph)
    {
        int[] members = [.. Enumerable.Range(0, store.High).Where(s => store.State(s) == SlotState.Live && graph.IsMember(s))];
        members.Length.ShouldBe(store.Count);
        if (members.Length == 0) return;
        foreach (GraphLayer layer in graph.Layers)
        {
            for (int node = 0; node < layer.Count; node++)
            {
                int slot = layer.SlotOf(node);
                if (slot < 0 || store.State(slot) != SlotState.Live) continue;
                List<int> links = Neighbours(layer, node);
                links.Count.ShouldBeLessThanOrEqualTo(layer.Level == 0 ? 2 * graph.Options.M : graph.Options.M);
                links.Distinct().Count().ShouldBe(links.Count, "no link twice");
                links.ShouldNotContain(node, "no link to itself");
                links.ShouldAllBe(l => l >= 0 && l < layer.Count);
                if (layer.Level > 0) graph.Layers[layer.Level - 1].SlotOf(layer.Below(node)).ShouldBe(slot);
            }
        }

        Reachable(store, graph).ShouldBe(members.Length);
    }

    /// <summary>Live slots that links lead to from the entry point, down through the layers.</summary>
    private static int Reachable(SlotStore store, HnswGraph graph)
    {
        graph.TryGetEntry(out int level, out int entry).ShouldBeTrue();
        var starts = new List<int> { entry };
        for (; level >= 0; level--)
        {
            GraphLayer layer = graph.Layers[level];
            var seen = new HashSet<int>(starts);
            var queue = new Queue<int>(starts);
            while (queue.TryDequeue(out int node))
            {
                foreach (int next in Neighbours(layer, node))
                {
                    if (layer.SlotOf(next) >= 0 && store.State(layer.SlotOf(next)) == SlotState.Live && seen.Add(next)) queue.Enqueue(next);
                }
            }

            if (level == 0) return seen.Count;
            starts = [.. seen.Select(layer.Below)];
        }

        return 0;
    }
}
