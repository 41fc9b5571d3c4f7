using FaceSearch.VectorIndex.Graph;
using FaceSearch.VectorIndex.Quantisation;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Snapshots;

/// <summary>
/// Writes a snapshot of a living index. The set of slots is fixed at the start; being inside an epoch, the writer keeps each of
/// them from being reused until it ends; what is removed meanwhile is left out by the ids and states, which are written last.
/// </summary>
internal static unsafe class SnapshotWriter
{
    /// <summary>The caller is an epoch participant for the whole call.</summary>
    public static void Write(string path, SlotStore store, HnswGraph? graph)
    {
        // A new file rather than a truncated one: this index, or another, may have the old one mapped.
        File.Delete(path);
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        var writer = new ChunkedWriter(file);
        CodeTable codes = store.Codes;
        bool[] members = [];
        bool[] live = store.CaptureLive();
        if (graph is not null) members = [.. Enumerable.Range(0, live.Length).Select(slot => live[slot] && graph.IsMember(slot))];
        // After the members, so that every node of a member is counted.
        GraphLayer[] layers = graph?.Layers ?? [];
        int[] nodes = [.. layers.Select(l => l.Count)];
        WritePreamble(writer);
        if (store.HasVectors) WriteRows(writer, SectionKind.Vectors, (byte*)store.Vector(0), store.Dimension * sizeof(float), live);
        WriteRows(writer, SectionKind.Codes, codes.Base, codes.Stride, live);
        for (int l = 0; l < layers.Length; l++) WriteLayer(writer, layers[l], nodes[l], members);
        var header = new SnapshotHeader
        {
            Dimension = store.Dimension,
            Stride = codes.Stride,
            Slots = live.Length,
            Step = codes.Step,
            MaxResidual = codes.MaxResidual,
            HasVectors = store.HasVectors ? 1 : 0,
            M = graph?.Options.M ?? 0,
            LevelsDrawn = graph?.LevelsDrawn ?? 0,
            LayerCount = layers.Length,
            EntryLevel = -1,
            EntryNode = -1,
        };
        header.Count = WriteIdsAndStates(writer, store, live, members);
        if (graph is not null) (header.EntryLevel, header.EntryNode) = FindEntry(graph, layers, nodes, live, members);
        writer.Finish(header);
    }

    private static void WritePreamble(ChunkedWriter writer)
    {
        writer.Begin(SectionKind.Preamble, 0);
        ulong* start = stackalloc ulong[2] { SnapshotFormat.PreambleMagic, SnapshotFormat.Version };
        writer.Append(start, 16);
        writer.AppendZeros(SnapshotFormat.PreambleBytes - 16);
        writer.End();
    }

    private static void WriteRows(ChunkedWriter writer, SectionKind kind, byte* rows, int rowBytes, bool[] live)
    {
        writer.Begin(kind, 0);
        for (int slot = 0; slot < live.Length; slot++)
        {
            if (live[slot]) writer.Append(rows + ((long)slot * rowBytes), rowBytes);
            else writer.AppendZeros(rowBytes);
        }

        writer.End();
    }

    private static void WriteLayer(ChunkedWriter writer, GraphLayer layer, int nodes, bool[] members)
    {
        writer.Begin(SectionKind.Links, layer.Level);
        int* row = stackalloc int[layer.Width];
        for (int node = 0; node < (layer.Level == 0 ? members.Length : nodes); node++)
        {
            int n = 0;
            if (IsMember(layer.SlotOf(node), members))
            {
                int* links = layer.Links(node);
                for (int i = 0; i < layer.Width; i++)
                {
                    int link = Volatile.Read(ref links[i]);
                    if (link == GraphLayer.End) break;
                    if (link < nodes && IsMember(layer.SlotOf(link), members)) row[n++] = link;
                }
            }

            for (; n < layer.Width; n++) row[n] = GraphLayer.End;
            writer.Append(row, layer.Width * sizeof(int));
        }

        writer.End();
        if (layer.Level == 0) return;
        writer.Begin(SectionKind.LayerSlots, layer.Level);
        for (int node = 0; node < nodes; node++)
        {
            int slot = layer.SlotOf(node);
            if (!IsMember(slot, members)) slot = GraphLayer.End;
            writer.Append(&slot, sizeof(int));
        }

        writer.End();
        writer.Begin(SectionKind.LayerBelow, layer.Level);
        for (int node = 0; node < nodes; node++)
        {
            int below = IsMember(layer.SlotOf(node), members) ? layer.Below(node) : 0;
            writer.Append(&below, sizeof(int));
        }

        writer.End();
    }

    private static long WriteIdsAndStates(ChunkedWriter writer, SlotStore store, bool[] live, bool[] members)
    {
        long count = 0;
        for (int slot = 0; slot < live.Length; slot++)
        {
            live[slot] = live[slot] && store.State(slot) is SlotState.Live or SlotState.Superseded;
            if (live[slot]) count++;
        }

        writer.Begin(SectionKind.Ids, 0);
        for (int slot = 0; slot < live.Length; slot++)
        {
            long id = live[slot] ? store.Ids[slot] : 0;
            writer.Append(&id, sizeof(long));
        }

        writer.End();
        writer.Begin(SectionKind.States, 0);
        for (int slot = 0; slot < live.Length; slot++)
        {
            byte state = (byte)(live[slot] ? IsMember(slot, members) ? 2 : 1 : 0);
            writer.Append(&state, 1);
        }

        writer.End();
        return count;
    }

    private static (int Level, int Node) FindEntry(HnswGraph graph, GraphLayer[] layers, int[] nodes, bool[] live, bool[] members)
    {
        if (graph.TryGetEntry(out int level, out int node) && level < layers.Length && node < nodes[level]
            && IsMember(layers[level].SlotOf(node), members) && live[layers[level].SlotOf(node)]) return (level, node);
        for (level = layers.Length - 1; level >= 0; level--)
        {
            for (node = 0; node < nodes[level]; node++)
            {
                int slot = layers[level].SlotOf(node);
                if (IsMember(slot, members) && live[slot]) return (level, node);
            }
        }

        return (-1, -1);
    }

    private static bool IsMember(int slot, bool[] members) => (uint)slot < (uint)members.Length && members[slot];
}
