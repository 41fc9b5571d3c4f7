namespace FaceSearch.Evaluation;

/// <summary>
/// A gallery's calibrated impostor scores: which threshold gives which FPIR and FMR. Plain numbers only (no template, no
/// identity), so it can be stored with the gallery's settings, sent in answers, and serialised by System.Text.Json as it is.
/// <para>
/// With Q the normal upper quantile, g the prior's score at a quantile, and ḡ(N) the mean of g over the body of best impostor
/// scores in a gallery of N identities (<see cref="BestScoreBody"/>), a gallery of N is described by
/// score(FMR) = Level + Scale (g(Q(FMR)) - ḡ(FittedIdentities)) and
/// score(FPIR, N) = Level + Scale (ḡ(N) - ḡ(FittedIdentities)) + Scale SlopeFactor (g(Q(FMR)) - ḡ(N)), FMR = 1 - (1 - FPIR)^(1/N).
/// </para>
/// </summary>
public sealed record ScoreCalibration
{
    /// <summary>The model's impostor scores in general: the curve's shape.</summary>
    public required ImpostorPrior Prior { get; init; }

    /// <summary>Templates whose best impostor score went into the fit; 0 when the prior alone speaks.</summary>
    public required int SampleSize { get; init; }

    /// <summary>Best impostor scores left out as implausible for an impostor: the same person under two identities.</summary>
    public required int LeftOut { get; init; }

    /// <summary>Identities in the gallery when it was fitted, at least 1.</summary>
    public required long FittedIdentities { get; init; }

    /// <summary>Mean over the body of the best impostor scores at <see cref="FittedIdentities"/>, cosine score.</summary>
    public required double Level { get; init; }

    /// <summary>Spread of the gallery's impostor scores over that of the prior; 1 = the prior's.</summary>
    public required double Scale { get; init; }

    /// <summary>Spread of the best impostor scores over that of independent comparisons; above 1 where probes differ from each other.</summary>
    public required double SlopeFactor { get; init; }

    /// <summary>Threshold (cosine score) at which a stranger's probe is answered with a match at the rate
    /// <paramref name="targetFpir"/> (0..1, exclusive) in a gallery of <paramref name="identities"/> people (0 counts as 1).</summary>
    public float ThresholdForFpir(double targetFpir, long identities)
    {
        CheckRate(targetFpir, nameof(targetFpir));
        var body = BestScoreBody.Mean(Prior, identities);
        return (float)(LevelOf(body) + Scale * SlopeFactor * (Prior.ScoreAt(BestScoreBody.Quantile(targetFpir, identities)) - body));
    }

    /// <summary>Expected FPIR of a threshold in a gallery of <paramref name="identities"/> people (0 counts as 1).</summary>
    public double FpirAt(float score, long identities)
    {
        var body = BestScoreBody.Mean(Prior, identities);
        var fmr = NormalDistribution.UpperTail(Prior.QuantileAt(body + (score - LevelOf(body)) / (Scale * SlopeFactor)));
        return BestScoreBody.RateOf(fmr, identities);
    }

    /// <summary>Threshold (cosine score) for one comparison of a probe with one identity at a wanted false match rate (0..1, exclusive).</summary>
    public float ThresholdForFmr(double fmr)
    {
        CheckRate(fmr, nameof(fmr));
        return (float)LevelOf(Prior.ScoreAt(NormalDistribution.UpperQuantile(fmr)));
    }

    /// <summary>False match rate of one comparison of a probe with one identity at a threshold.</summary>
    public double FmrAt(float score) =>
        NormalDistribution.UpperTail(Prior.QuantileAt(BestScoreBody.Mean(Prior, FittedIdentities) + (score - Level) / Scale));

    private double LevelOf(double priorScore) => Level + Scale * (priorScore - BestScoreBody.Mean(Prior, FittedIdentities));

    private static void CheckRate(double rate, string name)
    {
        if (!(rate is > 0 and < 1)) throw new ArgumentOutOfRangeException(name, rate, "A rate lies between 0 and 1.");
    }
}
