namespace FaceSearch.Evaluation;

/// <summary>At a rate of <paramref name="Fpir"/> best impostor scores lie <paramref name="Offset"/> (cosine score) above the fitted line.</summary>
public readonly record struct TailOffset(double Fpir, double Offset);

/// <summary>
/// A gallery's calibrated impostor scores: which threshold gives which FPIR and FMR. Plain numbers only (no template, no
/// identity), so it can be stored with the gallery's settings, sent in answers, and serialised by System.Text.Json as it is.
/// <para>
/// With z = the normal upper quantile of an FMR, g(z) the curve's score there, and m(N) the mean of g over the body of the
/// best impostor scores in a gallery of N identities (<see cref="BestScoreBody"/>), the gallery is described by
/// score(FMR) = Level + g(z) - m(FittedIdentities) and
/// score(FPIR, N) = Level + m(N) - m(FittedIdentities) + SlopeFactor (g(z) - m(N)) + tail(FPIR), FMR = 1 - (1 - FPIR)^(1/N).
/// </para>
/// </summary>
public sealed record ScoreCalibration
{
    /// <summary>FPIR from which on the line alone speaks: the lower end of the body it is fitted to.</summary>
    public const double TailStart = BestScoreBody.Lowest;

    /// <summary>FMR -> score of the gallery's pairs: the model's prior, fitted to the pairs that were seen.</summary>
    public required ImpostorPrior Curve { get; init; }

    /// <summary>Templates whose best impostor score went into the fit; 0 when the prior alone speaks.</summary>
    public required int SampleSize { get; init; }

    /// <summary>Best impostor scores left out as implausible for an impostor: the same person under two identities.</summary>
    public required int LeftOut { get; init; }

    /// <summary>Identities in the gallery when it was fitted, at least 1.</summary>
    public required long FittedIdentities { get; init; }

    /// <summary>Mean over the body of the best impostor scores at <see cref="FittedIdentities"/>, cosine score.</summary>
    public required double Level { get; init; }

    /// <summary>Spread of the best impostor scores over that of independent comparisons; above 1 where probes differ from each other.</summary>
    public required double SlopeFactor { get; init; }

    /// <summary>What the uppermost best scores add to the line, by falling FPIR; nothing above <see cref="TailStart"/>, linear in
    /// log FPIR between the points, constant beyond the last.</summary>
    public required IReadOnlyList<TailOffset> Tail { get; init; }

    /// <summary>Threshold (cosine score) at which a stranger's probe is answered with a match at the rate
    /// <paramref name="targetFpir"/> (0..1, exclusive) in a gallery of <paramref name="identities"/> people (0 counts as 1).</summary>
    public float ThresholdForFpir(double targetFpir, long identities)
    {
        CheckRate(targetFpir, nameof(targetFpir));
        return (float)ScoreAt(targetFpir, identities, BestScoreBody.Mean(Curve, identities));
    }

    /// <summary>Expected FPIR of a threshold in a gallery of <paramref name="identities"/> people (0 counts as 1); the inverse of
    /// <see cref="ThresholdForFpir"/>, between 1e-12 and 1.</summary>
    public double FpirAt(float score, long identities)
    {
        var body = BestScoreBody.Mean(Curve, identities);
        double low = Math.Log(1e-12), high = 0;
        for (var i = 0; i < 50; i++)
        {
            var middle = (low + high) / 2;
            if (ScoreAt(Math.Exp(middle), identities, body) > score) low = middle;
            else high = middle;
        }
        return Math.Exp((low + high) / 2);
    }

    /// <summary>Threshold (cosine score) for one comparison of a probe with one identity at a wanted false match rate (0..1, exclusive).</summary>
    public float ThresholdForFmr(double fmr)
    {
        CheckRate(fmr, nameof(fmr));
        return (float)LevelOf(Curve.ScoreAt(NormalDistribution.UpperQuantile(fmr)));
    }

    /// <summary>False match rate of one comparison of a probe with one identity at a threshold.</summary>
    public double FmrAt(float score) =>
        NormalDistribution.UpperTail(Curve.QuantileAt(BestScoreBody.Mean(Curve, FittedIdentities) + score - Level));

    private double ScoreAt(double fpir, long identities, double body) =>
        LevelOf(body) + SlopeFactor * (Curve.ScoreAt(BestScoreBody.Quantile(fpir, identities)) - body) + TailAt(fpir);

    private double TailAt(double fpir)
    {
        double rate = TailStart, offset = 0;
        foreach (var point in Tail)
        {
            if (fpir >= rate) break;
            if (fpir > point.Fpir)
                return offset + (point.Offset - offset) * Math.Log(rate / fpir) / Math.Log(rate / point.Fpir);
            (rate, offset) = (point.Fpir, point.Offset);
        }
        return offset;
    }

    private double LevelOf(double curveScore) => Level + curveScore - BestScoreBody.Mean(Curve, FittedIdentities);

    private static void CheckRate(double rate, string name)
    {
        if (!(rate is > 0 and < 1)) throw new ArgumentOutOfRangeException(name, rate, "A rate lies between 0 and 1.");
    }
}
