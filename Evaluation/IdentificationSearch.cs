namespace FaceSearch.Evaluation;

/// <summary>
/// What an exact 1:N search found for each probe; all arrays have one entry a probe. Scores are of identities: the best of
/// an identity's templates. The *impostor* columns are of the search against the gallery WITHOUT the probe's own identity:
/// for a probe of an enrolled person they give the non-mated search that FPIR needs; for a stranger it is the plain search.
/// </summary>
/// <param name="MatedScores">Score of the probe's own identity; NaN when it is not enrolled.</param>
/// <param name="MatedRanks">Rank of the probe's own identity, 1 = best, ties counted against it; 0 when it is not enrolled.</param>
/// <param name="ImpostorScores">Best score among other identities; negative infinity when there is none.</param>
/// <param name="ImpostorIdentities">The identity that gave it, as numbered by the caller; -1 when there is none.</param>
/// <param name="SecondImpostorScores">Second best among other identities; negative infinity when there is none.</param>
public sealed record IdentificationOutcomes(
    float[] MatedScores, int[] MatedRanks, float[] ImpostorScores, int[] ImpostorIdentities, float[] SecondImpostorScores)
{
    /// <summary>Number of probes.</summary>
    public int Count => ImpostorScores.Length;
}

/// <summary>Exact 1:N search of every probe against a whole gallery, by identity, in blocks that stay in cache.</summary>
public static class IdentificationSearch
{
    private const int GalleryBlock = 512;
    private const int ScoreBudget = 1 << 22;

    /// <summary>Searches.</summary>
    /// <param name="gallery">Templates, g x d.</param>
    /// <param name="galleryIdentities">The identity of each template; an identity may have several, in any order.</param>
    /// <param name="probes">Probes, p x d.</param>
    /// <param name="probeIdentities">The true identity of each probe, in the same numbering; one that is not in the gallery is a stranger.</param>
    /// <param name="threads">Threads; 0 takes every processor.</param>
    /// <exception cref="ArgumentException">Dimensions or lengths disagree.</exception>
    public static IdentificationOutcomes Run(
        EmbeddingMatrix gallery, ReadOnlySpan<int> galleryIdentities, EmbeddingMatrix probes, ReadOnlySpan<int> probeIdentities, int threads = 0)
    {
        Check(gallery, galleryIdentities, probes, probeIdentities);
        var numbering = new Dictionary<int, int>();
        var labels = new List<int>();
        var columns = new int[gallery.Rows];
        for (var i = 0; i < columns.Length; i++)
        {
            if (!numbering.TryGetValue(galleryIdentities[i], out columns[i]))
            {
                numbering[galleryIdentities[i]] = columns[i] = labels.Count;
                labels.Add(galleryIdentities[i]);
            }
        }
        var own = new int[probes.Rows];
        for (var i = 0; i < own.Length; i++) own[i] = numbering.GetValueOrDefault(probeIdentities[i], -1);

        var outcomes = new IdentificationOutcomes(
            new float[probes.Rows], new int[probes.Rows], new float[probes.Rows], new int[probes.Rows], new float[probes.Rows]);
        var chunk = Math.Clamp(ScoreBudget / Math.Max(1, labels.Count), 1, 64);
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : Environment.ProcessorCount };
        Parallel.For(0, (probes.Rows + chunk - 1) / chunk, options,
            () => new float[chunk * labels.Count + GalleryBlock],
            (c, _, scratch) =>
            {
                var from = c * chunk;
                var count = Math.Min(chunk, probes.Rows - from);
                BestPerIdentity(gallery, columns, probes, from, count, labels.Count, scratch);
                for (var i = 0; i < count; i++)
                    Summarise(scratch.AsSpan(i * labels.Count, labels.Count), own[from + i], labels, outcomes, from + i);
                return scratch;
            },
            _ => { });
        return outcomes;
    }

    private static void Check(EmbeddingMatrix gallery, ReadOnlySpan<int> galleryIdentities, EmbeddingMatrix probes, ReadOnlySpan<int> probeIdentities)
    {
        if (gallery.Dimension != probes.Dimension)
            throw new ArgumentException($"Expected probes of dimension {gallery.Dimension}, got {probes.Dimension}.", nameof(probes));
        if (gallery.Rows != galleryIdentities.Length)
            throw new ArgumentException($"Expected {gallery.Rows} gallery identities, got {galleryIdentities.Length}.", nameof(galleryIdentities));
        if (probes.Rows != probeIdentities.Length)
            throw new ArgumentException($"Expected {probes.Rows} probe identities, got {probeIdentities.Length}.", nameof(probeIdentities));
    }

    /// <summary>scratch[i * identities + k] = best score of probe from + i among the templates of identity k.</summary>
    private static void BestPerIdentity(
        EmbeddingMatrix gallery, int[] columns, EmbeddingMatrix probes, int from, int count, int identities, float[] scratch)
    {
        scratch.AsSpan(0, count * identities).Fill(float.NegativeInfinity);
        var block = scratch.AsSpan(scratch.Length - GalleryBlock);
        for (var start = 0; start < gallery.Rows; start += GalleryBlock)
        {
            var rows = Math.Min(GalleryBlock, gallery.Rows - start);
            var templates = gallery.Values.Slice(start * gallery.Dimension, rows * gallery.Dimension);
            for (var i = 0; i < count; i++)
            {
                DotKernel.Scores(probes.Row(from + i), templates, block[..rows]);
                var best = scratch.AsSpan(i * identities, identities);
                for (var r = 0; r < rows; r++)
                {
                    ref var slot = ref best[columns[start + r]];
                    if (block[r] > slot) slot = block[r];
                }
            }
        }
    }

    private static void Summarise(ReadOnlySpan<float> best, int own, List<int> labels, IdentificationOutcomes outcomes, int probe)
    {
        var mated = own >= 0 ? best[own] : float.NaN;
        float first = float.NegativeInfinity, second = float.NegativeInfinity;
        int identity = -1, rank = 1;
        for (var k = 0; k < best.Length; k++)
        {
            if (k == own) continue;
            var score = best[k];
            if (score >= mated) rank++;
            if (score > first)
            {
                second = first;
                first = score;
                identity = k;
            }
            else if (score > second)
            {
                second = score;
            }
        }
        outcomes.MatedScores[probe] = mated;
        outcomes.MatedRanks[probe] = own >= 0 ? rank : 0;
        outcomes.ImpostorScores[probe] = first;
        outcomes.ImpostorIdentities[probe] = identity < 0 ? -1 : labels[identity];
        outcomes.SecondImpostorScores[probe] = second;
    }
}
