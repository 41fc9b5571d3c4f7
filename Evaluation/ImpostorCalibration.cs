namespace FaceSearch.Evaluation;

/// <summary>
/// Fits a gallery's <see cref="ScoreCalibration"/> from its own impostor scores and the model's prior: the prior's curve is
/// moved and stretched to the gallery's impostor pairs (<see cref="ImpostorPrior.FittedTo"/>), then corrected in level and
/// slope by the body of the best impostor scores, and in the tail by the uppermost of them, each with the weight n / (n + k)
/// of n scores against a fit worth k of them.
/// The method, its alternatives and its figures: docs/calibration.md.
/// </summary>
public static class ImpostorCalibration
{
    /// <summary>Scores the curve's level is worth: the variance of one best score, (0.45 sigma)^2 doubled since two templates
    /// are often each other's best, over that of the curve's level, (0.2 sigma)^2.</summary>
    private const double LevelPriorScores = 10;

    /// <summary>Scores the prior's slope is worth: the slope's relative variance from n scores is about 2 / n, the prior is trusted to 5 %.</summary>
    private const double SlopePriorScores = 800;

    /// <summary>Uppermost scores the line's extension into the tail is worth, and the fewest that count at all.</summary>
    private const double TailPriorScores = 50, LeastTailScores = 5;

    /// <summary>Up to this share, implausible best scores stay in the tail, at the least implausible score: no collection of faces
    /// is free of label errors and look-alikes, and strangers from the same source bring as many. More than that is a gallery
    /// with people enrolled twice, and they are left out altogether.</summary>
    private const double SharedErrors = 0.01;

    private static readonly double[] TailRates = [0.05, 0.02, 0.01, 0.005, 0.002, 0.001];

    /// <summary>A slope outside 1/2 .. 2 of the prior's is no impostor distribution but a fault in the data.</summary>
    private const double SlopeBound = 2;

    /// <summary>A best score that so few impostors would reach is the same person under another identity.</summary>
    private const double ImplausibleRate = 1e-4;

    private const int LeastForSlope = 10;

    /// <summary>Calibrates.</summary>
    /// <param name="bestImpostorScores">Per sampled template: its best score among all templates of OTHER identities of the same
    /// gallery, by exact search. Any order; may be empty; values that are not finite (no other identity) are ignored. One
    /// template per identity, picked at random, is the best sample: 2,000 say almost all there is to know.</param>
    /// <param name="galleryIdentities">Identities in the gallery the scores were searched in (the template's own included).</param>
    /// <param name="prior">The model's impostor scores in general.</param>
    /// <param name="pairs">Impostor pairs among the sampled templates; null takes the prior's curve as it is, which serves if it
    /// was measured with this model on similar images.</param>
    public static ScoreCalibration Fit(
        ReadOnlySpan<float> bestImpostorScores, long galleryIdentities, ImpostorPrior prior, ImpostorPairSample? pairs = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(galleryIdentities);
        var scores = FiniteAscending(bestImpostorScores);
        var others = Math.Max(1, galleryIdentities - 1);
        var curve = prior.FittedTo(pairs);
        var body = BestScoreBody.Mean(curve, others);

        var plausible = WithoutDuplicates(scores, others, curve, out var limit);
        var level = body;
        var slope = 1.0;
        if (plausible.Length > 0)
        {
            var (measured, spread) = Body(plausible, others, curve, body);
            double n = plausible.Length;
            level += n / (n + LevelPriorScores) * (measured - body);
            if (n >= LeastForSlope) slope += n / (n + SlopePriorScores) * (Math.Clamp(spread, 1 / SlopeBound, SlopeBound) - 1);
        }
        var fitted = Math.Max(1, galleryIdentities);
        return new ScoreCalibration
        {
            Curve = curve,
            SampleSize = plausible.Length,
            LeftOut = scores.Length - plausible.Length,
            FittedIdentities = fitted,
            Level = level + BestScoreBody.Mean(curve, fitted) - body,
            SlopeFactor = slope,
            Tail = TailOf(TailSample(scores, plausible, limit), others, curve, level - slope * body, slope),
        };
    }

    /// <summary>The calibration of a gallery of which nothing is known yet.</summary>
    public static ScoreCalibration FromPrior(ImpostorPrior prior) => Fit([], 0, prior);

    private static float[] FiniteAscending(ReadOnlySpan<float> scores)
    {
        var finite = new List<float>(scores.Length);
        foreach (var score in scores)
            if (float.IsFinite(score)) finite.Add(score);
        finite.Sort();
        return [.. finite];
    }

    /// <summary>Drops what lies implausibly far above the lower half of the best scores, which duplicates cannot move much;
    /// the second pass sees the median without them.</summary>
    private static ReadOnlySpan<float> WithoutDuplicates(float[] ascending, long others, ImpostorPrior curve, out float limit)
    {
        limit = float.PositiveInfinity;
        ReadOnlySpan<float> kept = ascending;
        double At(double rate) => curve.ScoreAt(BestScoreBody.Quantile(rate, others));
        for (var pass = 0; pass < 2 && kept.Length >= LeastForSlope; pass++)
        {
            var median = SortedScores.Quantile(kept, 0.5);
            var stretch = Math.Max(1, (median - SortedScores.Quantile(kept, 0.1)) / (At(0.5) - At(0.9)));
            limit = (float)(median + stretch * (At(ImplausibleRate) - At(0.5)));
            kept = kept[..^SortedScores.CountAtOrAbove(kept, limit)];
        }
        return kept;
    }

    private static ReadOnlySpan<float> TailSample(float[] scores, ReadOnlySpan<float> plausible, float limit)
    {
        if (scores.Length - plausible.Length > SharedErrors * scores.Length) return plausible;
        scores.AsSpan(plausible.Length).Fill(limit);
        return scores;
    }

    /// <summary>Mean of the scores over the body's rates, and the slope of their least-squares line on the curve.</summary>
    private static (double Level, double Slope) Body(ReadOnlySpan<float> ascending, long others, ImpostorPrior curve, double body)
    {
        double level = 0, covariance = 0, variance = 0;
        foreach (var rate in BestScoreBody.Rates)
        {
            var score = SortedScores.Quantile(ascending, 1 - rate);
            var x = curve.ScoreAt(BestScoreBody.Quantile(rate, others)) - body;
            level += score;
            covariance += x * score;
            variance += x * x;
        }
        return (level / BestScoreBody.Rates.Count, covariance / variance);
    }

    /// <summary>Residuals of the uppermost scores from the line, each held against the one before; the sum stays rising.</summary>
    private static List<TailOffset> TailOf(ReadOnlySpan<float> ascending, long others, ImpostorPrior curve, double intercept, double slope)
    {
        var tail = new List<TailOffset>();
        double offset = 0, below = Line(ScoreCalibration.TailStart);
        foreach (var rate in TailRates)
        {
            var count = rate * ascending.Length;
            if (count < LeastTailScores) break;
            var line = Line(rate);
            var residual = SortedScores.Quantile(ascending, 1 - rate) - line;
            offset = Math.Max(offset + count / (count + TailPriorScores) * (residual - offset), offset - 0.9 * (line - below));
            below = line;
            tail.Add(new(rate, offset));
        }
        return tail;

        double Line(double rate) => intercept + slope * curve.ScoreAt(BestScoreBody.Quantile(rate, others));
    }
}
