namespace FaceSearch.Evaluation;

/// <summary>One point of the 1:N error trade-off.</summary>
/// <param name="Threshold">Cosine score.</param>
/// <param name="Fpir">False positive identification rate: share of non-mated searches that return any identity at or above the threshold.</param>
/// <param name="Fnir">False negative identification rate: share of mated searches that do not return the right identity first and at or above the threshold; 1 - TPIR.</param>
public readonly record struct IdentificationPoint(float Threshold, double Fpir, double Fnir);

/// <summary>
/// Open-set 1:N metrics after ISO/IEC 19795-1 and the NIST FRVT 1:N reports. A mated search succeeds at a threshold when the
/// right identity is at rank 1 AND scores at or above it. Rates are shares of probes.
/// </summary>
public sealed class IdentificationMetrics
{
    private readonly int[] ranks;
    private readonly float[] hits;
    private readonly float[] impostors;

    /// <param name="matedRanks">Rank of the right identity for every mated probe, 1 = best.</param>
    /// <param name="matedScores">Its score, in the same order.</param>
    /// <param name="nonMatedScores">Best score of every non-mated search, any order.</param>
    public IdentificationMetrics(ReadOnlySpan<int> matedRanks, ReadOnlySpan<float> matedScores, ReadOnlySpan<float> nonMatedScores)
    {
        if (matedRanks.Length != matedScores.Length)
            throw new ArgumentException($"Expected {matedRanks.Length} mated scores, got {matedScores.Length}.", nameof(matedScores));
        ranks = matedRanks.ToArray();
        var first = new List<float>(matedRanks.Length);
        for (var i = 0; i < matedRanks.Length; i++)
            if (matedRanks[i] == 1) first.Add(matedScores[i]);
        hits = [.. first];
        impostors = nonMatedScores.ToArray();
        Array.Sort(hits);
        Array.Sort(impostors);
    }

    /// <summary>The protocol of one probe set for both kinds of search: every probe whose identity is enrolled is searched
    /// against the whole gallery (mated), and every probe is searched against the gallery without its own identity
    /// (non-mated). The LFW figures of gallery = first image, probes = the rest are formed this way.</summary>
    public static IdentificationMetrics LeaveOwnIdentityOut(IdentificationOutcomes outcomes) =>
        Of(outcomes, outcomes.ImpostorScores);

    /// <summary>Mated probes from one set, non-mated searches of strangers from another.</summary>
    public static IdentificationMetrics WithStrangers(IdentificationOutcomes mated, IdentificationOutcomes strangers) =>
        Of(mated, strangers.ImpostorScores);

    /// <summary>Number of mated searches.</summary>
    public int MatedSearches => ranks.Length;

    /// <summary>Number of non-mated searches.</summary>
    public int NonMatedSearches => impostors.Length;

    /// <summary>Share of mated searches whose right identity is among the first <paramref name="k"/> (closed set; NaN without mated searches).</summary>
    public double RankAccuracy(int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        var found = 0;
        foreach (var rank in ranks)
            if (rank <= k) found++;
        return (double)found / ranks.Length;
    }

    /// <summary>Share of non-mated searches at or above the threshold.</summary>
    public double FpirAt(float threshold) => SortedScores.ShareAtOrAbove(impostors, threshold);

    /// <summary>Share of mated searches with the right identity first and at or above the threshold.</summary>
    public double TpirAt(float threshold) => (double)SortedScores.CountAtOrAbove(hits, threshold) / ranks.Length;

    /// <summary>The lowest threshold whose measured FPIR is at most <paramref name="fpir"/> (0..1).</summary>
    public float ThresholdAtFpir(double fpir) => SortedScores.ThresholdForShare(impostors, fpir);

    /// <summary>TPIR at the lowest threshold whose FPIR is at most <paramref name="fpir"/>.</summary>
    public double TpirAtFpir(double fpir) => TpirAt(ThresholdAtFpir(fpir));

    /// <summary>FPIR and FNIR at up to <paramref name="points"/> FPIRs from one non-mated search to all, evenly spaced in log FPIR (DET).</summary>
    public IReadOnlyList<IdentificationPoint> DetCurve(int points = 200)
    {
        var curve = new List<IdentificationPoint>(points);
        foreach (var threshold in SortedScores.LogSpacedThresholds(impostors, points))
            curve.Add(new(threshold, FpirAt(threshold), 1 - TpirAt(threshold)));
        return curve;
    }

    private static IdentificationMetrics Of(IdentificationOutcomes outcomes, float[] nonMated)
    {
        var ranks = new List<int>(outcomes.Count);
        var scores = new List<float>(outcomes.Count);
        for (var i = 0; i < outcomes.Count; i++)
        {
            if (outcomes.MatedRanks[i] == 0) continue;
            ranks.Add(outcomes.MatedRanks[i]);
            scores.Add(outcomes.MatedScores[i]);
        }
        return new([.. ranks], [.. scores], nonMated);
    }
}
