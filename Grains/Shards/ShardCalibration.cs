using FaceSearch.VectorIndex;

namespace FaceSearch.Grains.Shards;

/// <summary>What a shard contributes to a gallery's threshold: sampled templates, and the best impostor score of others' samples.</summary>
internal static class ShardCalibration
{
    private const int Chunk = 32;

    /// <summary>One template each of up to <paramref name="count"/> identities, drawn without replacement.</summary>
    public static IReadOnlyList<CalibrationProbe> Sample(Shard shard, int count, int seed)
    {
        using ReaderGate.Lease reading = shard.Readers.Enter();
        Random random = new(seed);
        // Reservoir sampling (Vitter, algorithm R) over the directory, whose enumeration tolerates concurrent changes.
        List<IdentityEntry> drawn = new(Math.Min(count, 4096));
        long seen = 0;
        foreach (IdentityEntry entry in shard.Directory.Entries)
        {
            if (entry.State.Templates.Length == 0)
                continue;
            seen++;
            if (drawn.Count < count)
                drawn.Add(entry);
            else if (random.NextInt64(seen) is long slot && slot < count)
                drawn[(int)slot] = entry;
        }
        List<CalibrationProbe> probes = new(drawn.Count);
        Span<float> vector = stackalloc float[Embedding.Dimension];
        foreach (IdentityEntry entry in drawn)
        {
            long[] templates = entry.State.Templates;
            if (templates.Length > 0 && shard.Index.TryGetVector(templates[random.Next(templates.Length)], vector))
                probes.Add(new CalibrationProbe(entry.Id, Embedding.Normalise(vector)));
        }
        return probes;
    }

    /// <summary>Runs on the search threads in small pieces, so that live searches get their turn in between.</summary>
    public static async Task<float[]> BestImpostorScoresAsync(Shard shard, IReadOnlyList<CalibrationProbe> probes, SearchPool pool)
    {
        float[] scores = new float[probes.Count];
        for (int start = 0; start < probes.Count; start += Chunk)
        {
            int from = start, to = Math.Min(probes.Count, start + Chunk);
            await pool.RunAsync(() =>
            {
                using ReaderGate.Lease reading = shard.Readers.Enter();
                for (int i = from; i < to; i++)
                    scores[i] = BestImpostorScore(shard, probes[i]);
                return true;
            }, CancellationToken.None);
        }
        return scores;
    }

    private static float BestImpostorScore(Shard shard, CalibrationProbe probe)
    {
        ShardQuery query = new(probe.Embedding, 2, null, DateTimeOffset.MaxValue);
        foreach (Candidate candidate in ShardSearch.Run(shard.Directory, shard.Index, shard.Id.Generation, query).Candidates)
        {
            if (candidate.Identity != probe.Identity)
                return candidate.Score;
        }
        return float.NegativeInfinity;
    }
}
