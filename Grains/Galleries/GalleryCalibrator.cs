using FaceSearch.Evaluation;
using FaceSearch.Grains.Shards;

namespace FaceSearch.Grains.Galleries;

/// <summary>
/// Measures a gallery's impostor scores: templates sampled from all shards, each searched in all shards without its own
/// identity. See docs/calibration.md for what is made of them.
/// </summary>
internal sealed class GalleryCalibrator(IGrainFactory grains, TimeProvider time)
{
    /// <summary>Most templates sampled; the estimate's noise shrinks with the root of it, the cost grows with it.</summary>
    private const int MostSamples = 2000;

    /// <summary>Calibration takes at most this share of a search thread.</summary>
    private const int RestFactor = 10;

    private DateTimeOffset _mayRunAt;
    private int _runs;

    /// <summary>False while the last run is too recent for its cost.</summary>
    public bool MayRun() => time.GetUtcNow() >= _mayRunAt;

    /// <summary>Null if no two identities can be compared.</summary>
    public async Task<ScoreCalibration?> RunAsync(GalleryView view, ImpostorPrior prior)
    {
        long started = time.GetTimestamp();
        IGalleryShardGrain[] shards = [.. Enumerable.Range(0, view.Map.ShardCount).Select(n => grains.GetGrain<IGalleryShardGrain>(view.Shard(n).ToString()))];
        ShardStatus[] statuses = await Task.WhenAll(shards.Select(s => s.GetStatusAsync()));
        long identities = statuses.Sum(s => s.Identities);
        if (identities < 2)
            return null;
        int seed = _runs++;
        IReadOnlyList<CalibrationProbe>[] drawn = await Task.WhenAll(shards.Select((s, i) =>
            s.SampleAsync((int)Math.Ceiling((double)MostSamples * statuses[i].Identities / identities), seed)));
        List<CalibrationProbe> probes = [.. drawn.SelectMany(d => d)];
        float[][] scores = await Task.WhenAll(shards.Select(s => s.BestImpostorScoresAsync(probes)));
        float[] best = new float[probes.Count];
        for (int i = 0; i < best.Length; i++)
            best[i] = scores.Max(s => s[i]);
        _mayRunAt = time.GetUtcNow() + TimeSpan.FromSeconds(1) + (RestFactor * time.GetElapsedTime(started));
        return await Task.Run(() => ImpostorCalibration.Fit(best, identities, prior, Pairs(probes)));
    }

    private static ImpostorPairSample Pairs(List<CalibrationProbe> probes)
    {
        float[] templates = new float[probes.Count * Embedding.Dimension];
        for (int i = 0; i < probes.Count; i++)
            probes[i].Embedding.Values.CopyTo(templates.AsSpan(i * Embedding.Dimension));
        // One template an identity: every pair is an impostor pair.
        return ImpostorPairSample.Of(new EmbeddingMatrix(templates, Embedding.Dimension), [.. Enumerable.Range(0, probes.Count)]);
    }
}
