using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using FaceSearch.Grains.Replicas;

namespace FaceSearch.Grains.Telemetry;

/// <summary>What the read replicas of this process hold at the moment of a scrape.</summary>
internal static class ReplicaGauges
{
    private static readonly ConcurrentDictionary<ShardReplica, bool> s_open = new();

    public static void Create(Meter meter)
    {
        meter.CreateObservableGauge("facesearch.replica.templates", () => Of(r => r.Templates), description: "Templates in a read replica of a shard");
        meter.CreateObservableGauge("facesearch.replica.lsn", () => Of(r => r.Lsn), description: "Last log sequence number that a read replica has");
    }

    public static void Add(ShardReplica replica) => s_open[replica] = true;

    public static void Remove(ShardReplica replica) => s_open.TryRemove(replica, out _);

    private static IEnumerable<Measurement<long>> Of(Func<ShardReplica, long> value) => s_open.Keys.Select(r => new Measurement<long>(value(r),
        GrainMetrics.Tag("gallery", r.Id.Gallery), GrainMetrics.Tag("generation", r.Id.Generation), GrainMetrics.Tag("shard", r.Id.Shard)));
}
