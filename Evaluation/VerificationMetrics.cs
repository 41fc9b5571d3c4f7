namespace FaceSearch.Evaluation;

/// <summary>One point of the 1:1 error trade-off. ROC plots 1 - FNMR (TAR) over FMR (FAR); DET plots FNMR over FMR.</summary>
/// <param name="Threshold">Cosine score.</param>
/// <param name="Fmr">False match rate: share of impostor pairs at or above the threshold.</param>
/// <param name="Fnmr">False non-match rate: share of genuine pairs below it.</param>
public readonly record struct VerificationPoint(float Threshold, double Fmr, double Fnmr);

/// <summary>1:1 metrics of scored pairs (ISO/IEC 19795-1; VAL and FAR of Schroff et al. 2015, section 4).</summary>
public sealed class VerificationMetrics
{
    private readonly float[] genuine;
    private readonly float[] impostor;

    /// <param name="genuineScores">Scores of pairs of one person, any order.</param>
    /// <param name="impostorScores">Scores of pairs of two people, any order.</param>
    public VerificationMetrics(ReadOnlySpan<float> genuineScores, ReadOnlySpan<float> impostorScores)
    {
        genuine = genuineScores.ToArray();
        impostor = impostorScores.ToArray();
        Array.Sort(genuine);
        Array.Sort(impostor);
    }

    /// <summary>Number of genuine pairs.</summary>
    public int GenuinePairs => genuine.Length;

    /// <summary>Number of impostor pairs.</summary>
    public int ImpostorPairs => impostor.Length;

    /// <summary>False match rate of a threshold; NaN without impostor pairs.</summary>
    public double FmrAt(float threshold) => SortedScores.ShareAtOrAbove(impostor, threshold);

    /// <summary>False non-match rate of a threshold; NaN without genuine pairs.</summary>
    public double FnmrAt(float threshold) => 1 - SortedScores.ShareAtOrAbove(genuine, threshold);

    /// <summary>The lowest threshold whose measured FMR is at most <paramref name="fmr"/> (0..1).</summary>
    public float ThresholdAtFmr(double fmr) => SortedScores.ThresholdForShare(impostor, fmr);

    /// <summary>True accept rate (1 - FNMR, the paper's VAL) at the lowest threshold whose FAR is at most <paramref name="far"/>.</summary>
    public double TarAtFar(double far) => 1 - FnmrAt(ThresholdAtFmr(far));

    /// <summary>The rate at which FMR and FNMR cross: their mean at the threshold where they differ least.</summary>
    public double EqualErrorRate()
    {
        double best = double.PositiveInfinity, rate = double.NaN;
        foreach (var threshold in impostor)
        {
            var point = At(threshold);
            var gap = Math.Abs(point.Fmr - point.Fnmr);
            if (gap < best) (best, rate) = (gap, (point.Fmr + point.Fnmr) / 2);
        }
        return rate;
    }

    /// <summary>Both rates at up to <paramref name="points"/> FMRs from one impostor pair to all, evenly spaced in log FMR (ROC and DET).</summary>
    public IReadOnlyList<VerificationPoint> Curve(int points = 200)
    {
        var curve = new List<VerificationPoint>(points);
        foreach (var threshold in SortedScores.LogSpacedThresholds(impostor, points)) curve.Add(At(threshold));
        return curve;
    }

    private VerificationPoint At(float threshold) => new(threshold, FmrAt(threshold), FnmrAt(threshold));
}
