namespace FaceSearch.Evaluation;

/// <summary>
/// Fits a gallery's <see cref="ScoreCalibration"/> from its own impostor scores and the model's prior: the prior's curve is
/// moved and stretched to the mean and spread of the gallery's impostor pairs, then corrected in level and slope by the body
/// of the best impostor scores, each correction with the weight n / (n + k) of n scores against a prior worth k of them.
/// The method, its alternatives and its figures: docs/calibration.md.
/// </summary>
public static class ImpostorCalibration
{
    /// <summary>Scores the prior's level is worth: the variance of one best score, (0.45 sigma)^2 doubled since two templates
    /// are often each other's best, over that of the prior's level, (0.2 sigma)^2.</summary>
    private const double LevelPriorScores = 10;

    /// <summary>Scores the prior's slope is worth: the slope's relative variance from n scores is about 2 / n, the prior is trusted to 5 %.</summary>
    private const double SlopePriorScores = 800;

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
    /// <param name="pairs">Moments of impostor pairs among the sampled templates; null takes the prior's own, which serves a
    /// gallery of many people just as well and a small one if the prior was measured on similar images.</param>
    public static ScoreCalibration Fit(
        ReadOnlySpan<float> bestImpostorScores, long galleryIdentities, ImpostorPrior prior, PairMoments? pairs = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(galleryIdentities);
        var scores = FiniteAscending(bestImpostorScores);
        var others = Math.Max(1, galleryIdentities - 1);
        var (shift, scale) = Align(prior, pairs);
        var body = BestScoreBody.Mean(prior, others);
        var aligned = shift + scale * body;

        var plausible = WithoutDuplicates(scores, others, prior, scale);
        var level = aligned;
        var slope = 1.0;
        if (plausible.Length > 0)
        {
            var (measured, spread) = Body(plausible, others, prior, body, scale);
            var n = plausible.Length;
            level += n / (n + LevelPriorScores) * (measured - aligned);
            if (n >= LeastForSlope) slope += n / (n + SlopePriorScores) * (Math.Clamp(spread, 1 / SlopeBound, SlopeBound) - 1);
        }
        var fitted = Math.Max(1, galleryIdentities);
        return new ScoreCalibration
        {
            Prior = prior,
            SampleSize = plausible.Length,
            LeftOut = scores.Length - plausible.Length,
            FittedIdentities = fitted,
            Level = level + scale * (BestScoreBody.Mean(prior, fitted) - body),
            Scale = scale,
            SlopeFactor = slope,
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

    /// <summary>Moves and stretches the prior to the gallery's pair mean and spread, with the weight that the pairs deserve:
    /// n templates estimate the mean as n (not n^2) numbers do.</summary>
    private static (double Shift, double Scale) Align(ImpostorPrior prior, PairMoments? pairs)
    {
        if (pairs is not { Pairs: > 1 } p || !double.IsFinite(p.Mean) || !(p.StandardDeviation > 0)) return (0, 1);
        var centre = prior.ScoreAt(0);
        var sigma = (prior.ScoreAt(1) - prior.ScoreAt(-1)) / 2;
        var templates = Math.Sqrt(2.0 * p.Pairs);
        var weight = templates / (templates + LevelPriorScores);
        var scale = 1 + weight * (p.StandardDeviation / sigma - 1);
        var mean = centre + weight * (p.Mean - centre);
        return (mean - scale * centre, scale);
    }

    /// <summary>Drops what lies implausibly far above the lower half of the best scores, which duplicates cannot move much;
    /// the second pass sees the median without them.</summary>
    private static ReadOnlySpan<float> WithoutDuplicates(float[] ascending, long others, ImpostorPrior prior, double scale)
    {
        ReadOnlySpan<float> kept = ascending;
        double At(double rate) => prior.ScoreAt(BestScoreBody.Quantile(rate, others));
        for (var pass = 0; pass < 2 && kept.Length >= LeastForSlope; pass++)
        {
            var median = SortedScores.Quantile(kept, 0.5);
            var stretch = Math.Max(scale, (median - SortedScores.Quantile(kept, 0.1)) / (At(0.5) - At(0.9)));
            var limit = median + stretch * (At(ImplausibleRate) - At(0.5));
            kept = kept[..^SortedScores.CountAtOrAbove(kept, (float)limit)];
        }
        return kept;
    }

    /// <summary>Mean of the scores over the body's rates, and the slope of their least-squares line on the aligned prior.</summary>
    private static (double Level, double Slope) Body(ReadOnlySpan<float> ascending, long others, ImpostorPrior prior, double body, double scale)
    {
        double level = 0, covariance = 0, variance = 0;
        foreach (var rate in BestScoreBody.Rates)
        {
            var score = SortedScores.Quantile(ascending, 1 - rate);
            var x = scale * (prior.ScoreAt(BestScoreBody.Quantile(rate, others)) - body);
            level += score;
            covariance += x * score;
            variance += x * x;
        }
        return (level / BestScoreBody.Rates.Count, covariance / variance);
    }
}
