using System.Globalization;

namespace FaceSearch.ServerBench;

/// <summary>What garbage collection has cost a server since its start, from its own /metrics.</summary>
/// <param name="Collections">Collections of generation 0, 1 and 2.</param>
/// <param name="PauseSeconds">All pauses together.</param>
/// <param name="Allocated">Managed bytes allocated.</param>
internal sealed record GcCost(long[] Collections, double PauseSeconds, double Allocated)
{
    private static readonly string[] Generations = ["gen0", "gen1", "gen2"];

    public static async Task<GcCost> ReadAsync(ServerClient client, CancellationToken cancellation)
    {
        string[] lines = (await client.TextAsync("/metrics", cancellation)).Split('\n');
        return new([.. Generations.Select(g => (long)Sum(lines, "dotnet_gc_collections_total", g))], Sum(lines, "dotnet_gc_pause_time_seconds_total", ""),
            Sum(lines, "dotnet_gc_heap_total_allocated_bytes_total", ""));
    }

    /// <summary>What was spent between two readings, for <paramref name="items"/> items.</summary>
    public string Since(GcCost before, long items) => string.Create(CultureInfo.InvariantCulture,
        $"{string.Join(" / ", Collections.Zip(before.Collections, (now, then) => now - then))} collections of generation 0 / 1 / 2, {1000 * (PauseSeconds - before.PauseSeconds):F0} ms of pauses, {(Allocated - before.Allocated) / items / 1024:F1} KiB allocated an item");

    private static double Sum(string[] lines, string name, string label) => lines
        .Where(l => l.StartsWith(name, StringComparison.Ordinal) && l.Contains(label, StringComparison.Ordinal))
        // name{labels} value [timestamp]; no label of these holds a space.
        .Sum(l => double.Parse(l.Split(' ')[1], CultureInfo.InvariantCulture));
}
