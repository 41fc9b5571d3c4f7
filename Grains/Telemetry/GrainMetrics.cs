using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using FaceSearch.Grains.Embedders;
using FaceSearch.Grains.Reembedding;
using FaceSearch.Grains.Shards;
using FaceSearch.Storage;

namespace FaceSearch.Grains.Telemetry;

/// <summary>What the actors count. Labels are galleries, generations, shards and outcomes: never people or pictures.</summary>
internal static class GrainMetrics
{
    private static readonly Meter s_meter = new("FaceSearch.Grains");
    private static readonly double[] s_seconds = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
    private static readonly ConcurrentDictionary<SearchPool, bool> s_pools = new();
    private static readonly ConcurrentDictionary<EmbedderPool, bool> s_embedders = new();
    private static readonly ConcurrentDictionary<(string Outbox, string Gallery), int> s_outboxes = new();
    private static readonly ConcurrentDictionary<string, DateTimeOffset?> s_calibrations = new(StringComparer.Ordinal);
    private static readonly ConcurrentDictionary<string, (long Moved, long Total)> s_moves = new(StringComparer.Ordinal);
    private static readonly ConcurrentDictionary<string, int> s_training = new(StringComparer.Ordinal);

    private static readonly Histogram<double> s_search = Seconds("facesearch.shard.search.duration", "One shard's own search, without its wait for a thread");
    private static readonly Histogram<double> s_commit = Seconds("facesearch.log.commit.duration", "One change from its arrival at the log until it is durable");
    private static readonly Histogram<double> s_embed = Seconds("facesearch.embedder.batch.duration", "One run of the network");
    private static readonly Histogram<long> s_batch = s_meter.CreateHistogram<long>("facesearch.embedder.batch.size", description: "Faces in one run of the network",
        advice: new InstrumentAdvice<long> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256] });
    private static readonly Counter<long> s_commitFailures = s_meter.CreateCounter<long>("facesearch.log.commit.failures", description: "Changes that the log could not take, by kind of failure");
    private static readonly Counter<long> s_hedges = s_meter.CreateCounter<long>("facesearch.hedges", description: "Requests to slow shards that were sent to a read replica as well, by what came of it: sent, won (the replica was first), refused (beyond the allowed share)");
    private static readonly Counter<long> s_answers = s_meter.CreateCounter<long>("facesearch.shard.answers", description: "Shards' answers that identifications used, by whether the shard gave it or a read replica");
    private static readonly Counter<long> s_rejected = s_meter.CreateCounter<long>("facesearch.rejected", description: "Work refused because a queue was full");

    static GrainMetrics()
    {
        s_meter.CreateObservableGauge("facesearch.search.queue", () => s_pools.Keys.Sum(p => p.Waiting), description: "Searches waiting for a thread");
        s_meter.CreateObservableGauge("facesearch.embedder.queue", () => s_embedders.Keys.Sum(p => p.Waiting), description: "Faces waiting for a batch");
        s_meter.CreateObservableGauge("facesearch.outbox.depth", () => s_outboxes.Select(o => new Measurement<int>(o.Value, Tag("outbox", o.Key.Outbox), Tag("gallery", o.Key.Gallery))),
            description: "Events that the broker has not confirmed yet (of a shard, at most 10,000 are counted)");
        s_meter.CreateObservableGauge("facesearch.calibration.age", () => s_calibrations.Where(c => c.Value is not null)
            .Select(c => new Measurement<double>((DateTimeOffset.UtcNow - c.Value!.Value).TotalSeconds, Tag("gallery", c.Key))), "s", "Since a gallery's threshold was measured");
        s_meter.CreateObservableGauge("facesearch.reembedding.moved", () => s_moves.Select(m => new Measurement<long>(m.Value.Moved, Tag("gallery", m.Key))), description: "Templates that a re-embedding has moved");
        s_meter.CreateObservableGauge("facesearch.reembedding.total", () => s_moves.Select(m => new Measurement<long>(m.Value.Total, Tag("gallery", m.Key))), description: "Templates that a re-embedding has to move");
        s_meter.CreateObservableGauge("facesearch.training.runs", () => s_training.Select(t => new Measurement<int>(t.Value, Tag("state", t.Key))), description: "Training runs remembered, by state");
        ShardGauges.Create(s_meter);
        ReplicaGauges.Create(s_meter);
    }

    public static void Add(SearchPool pool) => s_pools[pool] = true;

    public static void Remove(SearchPool pool) => s_pools.TryRemove(pool, out _);

    public static void Add(EmbedderPool pool) => s_embedders[pool] = true;

    public static void Remove(EmbedderPool pool) => s_embedders.TryRemove(pool, out _);

    public static void Searched(ShardId shard, TimeSpan took) => s_search.Record(took.TotalSeconds, Tag("gallery", shard.Gallery));

    public static void Rejected(string queue) => s_rejected.Add(1, Tag("queue", queue));

    /// <param name="gallery">The gallery.</param>
    /// <param name="outcome"><c>sent</c>, <c>won</c> or <c>refused</c>.</param>
    public static void Hedged(string gallery, string outcome) => s_hedges.Add(1, Tag("gallery", gallery), Tag("outcome", outcome));

    /// <param name="gallery">The gallery.</param>
    /// <param name="shards">Answers of shards that an identification used.</param>
    /// <param name="replicas">Answers of read replicas.</param>
    public static void Answered(string gallery, int shards, int replicas)
    {
        if (shards > 0)
            s_answers.Add(shards, Tag("gallery", gallery), Tag("from", "shard"));
        if (replicas > 0)
            s_answers.Add(replicas, Tag("gallery", gallery), Tag("from", "replica"));
    }

    public static void Embedded(string model, int faces, TimeSpan took)
    {
        s_batch.Record(faces, Tag("model", model));
        s_embed.Record(took.TotalSeconds, Tag("model", model));
    }

    /// <summary>Counts one commit, whichever way it ends.</summary>
    public static async Task<CommitResult> CommittedAsync(ShardId shard, ValueTask<CommitResult> commit)
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            CommitResult result = await commit;
            s_commit.Record(Stopwatch.GetElapsedTime(started).TotalSeconds, Tag("gallery", shard.Gallery));
            return result;
        }
        catch (StorageException e)
        {
            s_commitFailures.Add(1, Tag("gallery", shard.Gallery), Tag("kind", e.GetType().Name));
            throw;
        }
    }

    /// <param name="outbox">Whose: <c>shard</c>, <c>models</c>, <c>training</c>, <c>re-embedding</c>.</param>
    /// <param name="gallery">The gallery; empty for those that serve all.</param>
    /// <param name="depth">Events in it.</param>
    public static void Outbox(string outbox, string gallery, int depth) => s_outboxes[(outbox, gallery)] = depth;

    public static void Calibrated(string gallery, DateTimeOffset? at) => s_calibrations[gallery] = at;

    public static void Moving(string gallery, ReembeddingState state)
    {
        Outbox("re-embedding", gallery, state.Outbox.Count);
        if (state.IsRunning)
            s_moves[gallery] = (state.Moved, state.Total);
        else
            s_moves.TryRemove(gallery, out _);
    }

    public static void Training(IEnumerable<TrainingRunState> runs)
    {
        ILookup<TrainingRunState, TrainingRunState> byState = runs.ToLookup(r => r);
        foreach (TrainingRunState state in Enum.GetValues<TrainingRunState>())
            s_training[state.ToString().ToLowerInvariant()] = byState[state].Count();
    }

    /// <summary>After the gallery is gone.</summary>
    public static void Forget(string gallery)
    {
        s_calibrations.TryRemove(gallery, out _);
        s_moves.TryRemove(gallery, out _);
        foreach ((string Outbox, string Gallery) key in s_outboxes.Keys.Where(k => k.Gallery == gallery))
            s_outboxes.TryRemove(key, out _);
    }

    public static KeyValuePair<string, object?> Tag(string name, object? value) => new(name, value);

    private static Histogram<double> Seconds(string name, string description) =>
        s_meter.CreateHistogram(name, "s", description, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = s_seconds });
}
