using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using FaceSearch.Grains.Shards;

namespace FaceSearch.Grains.Telemetry;

/// <summary>What the open shards of this process hold at the moment of a scrape.</summary>
internal static class ShardGauges
{
    private static readonly ConcurrentDictionary<Shard, bool> s_open = new();

    public static void Create(Meter meter)
    {
        meter.CreateObservableGauge("facesearch.shard.identities", () => Of(s => s.Directory.Identities), description: "Identities in a shard");
        meter.CreateObservableGauge("facesearch.shard.templates", () => Of(s => s.Directory.Templates), description: "Templates in a shard");
        meter.CreateObservableGauge("facesearch.shard.lsn", () => Of(s => s.Log.Head.Lsn), description: "Last committed log sequence number");
        meter.CreateObservableGauge("facesearch.shard.unsaved", () => Of(s => s.Log.Head.Lsn - s.Maintenance.SnapshotLsn), description: "Changes since the newest snapshot: what a restart replays");
        meter.CreateObservableGauge("facesearch.shard.tail.length", () => Of(s => s.Index.TailLength), description: "Templates that are not in the graph yet and are compared one by one");
        meter.CreateObservableGauge("facesearch.shard.snapshot.age", () => s_open.Keys.Where(s => s.Maintenance.SnapshotAt is not null)
            .Select(s => Measured((DateTimeOffset.UtcNow - s.Maintenance.SnapshotAt!.Value).TotalSeconds, s)), "s", "Since the newest snapshot was written");
    }

    public static void Add(Shard shard) => s_open[shard] = true;

    public static void Remove(Shard shard) => s_open.TryRemove(shard, out _);

    private static IEnumerable<Measurement<long>> Of(Func<Shard, long> value) => s_open.Keys.Select(s => Measured(value(s), s));

    private static Measurement<T> Measured<T>(T value, Shard shard) where T : struct => new(value,
        GrainMetrics.Tag("gallery", shard.Id.Gallery), GrainMetrics.Tag("generation", shard.Id.Generation), GrainMetrics.Tag("shard", shard.Id.Shard));
}
