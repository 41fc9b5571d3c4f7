using FaceSearch.Evaluation;

namespace FaceSearch.CalibrationBench;

/// <summary>What an estimator may see of a gallery.</summary>
internal sealed record GalleryStatistics(float[] Best, int Identities, ImpostorPairSample Pairs);

/// <summary>From a gallery's statistics to a threshold for a target FPIR.</summary>
internal delegate double Estimator(GalleryStatistics gallery, ImpostorPrior prior, double target);

/// <summary>FaceSearch's estimator and the ones it was chosen over.</summary>
internal static class Estimators
{
    public static readonly IReadOnlyList<(string Name, Estimator Threshold)> All =
    [
        ("ours", (g, prior, f) => ImpostorCalibration.Fit(g.Best, g.Identities, prior, g.Pairs).ThresholdForFpir(f, g.Identities)),
        ("ours, no pairs", (g, prior, f) => ImpostorCalibration.Fit(g.Best, g.Identities, prior).ThresholdForFpir(f, g.Identities)),
        ("prior alone", (g, prior, f) => ImpostorCalibration.FromPrior(prior).ThresholdForFpir(f, g.Identities)),
        ("raw quantile", (g, _, f) => Quantile(g.Best, 1 - f)),
        ("Gumbel, L-moments", (g, _, f) => GumbelByLMoments(g.Best, f)),
        ("Gumbel, body quantiles", (g, _, f) => GumbelByBody(g.Best, f)),
        ("GPD, top 10 %", (g, _, f) => GeneralisedPareto(g.Best, 0.10, f)),
        ("pairs alone, 1-(1-FMR)^N", (g, prior, f) => ImpostorCalibration.Fit([], g.Identities, prior, g.Pairs).ThresholdForFpir(f, g.Identities)),
    ];

    public static double Quantile(float[] scores, double share)
    {
        var ascending = scores.Order().ToArray();
        var position = share * (ascending.Length - 1);
        var below = Math.Min((int)position, ascending.Length - 1);
        var above = Math.Min(below + 1, ascending.Length - 1);
        return ascending[below] + (position - below) * (ascending[above] - ascending[below]);
    }

    /// <summary>Hosking 1990, table 2.</summary>
    private static double GumbelByLMoments(float[] scores, double f)
    {
        var (l1, l2) = LMoments(scores.Order().Select(s => (double)s).ToArray());
        var scale = l2 / Math.Log(2);
        return l1 - 0.5772156649 * scale - scale * Math.Log(-Math.Log(1 - f));
    }

    /// <summary>Least squares of the quantiles at rates 0.9 .. 0.1 on the Gumbel variate: robust, but all from the sample.</summary>
    private static double GumbelByBody(float[] scores, double f)
    {
        double sx = 0, sy = 0, sxx = 0, sxy = 0;
        const int Levels = 20;
        for (var i = 0; i < Levels; i++)
        {
            var rate = 0.9 * Math.Pow(0.1 / 0.9, i / (Levels - 1.0));
            double x = -Math.Log(-Math.Log(1 - rate)), y = Quantile(scores, 1 - rate);
            sx += x;
            sy += y;
            sxx += x * x;
            sxy += x * y;
        }
        var slope = (Levels * sxy - sx * sy) / (Levels * sxx - sx * sx);
        return (sy - slope * sx) / Levels - slope * Math.Log(-Math.Log(1 - f));
    }

    /// <summary>Peaks over threshold, L-moments (Hosking and Wallis 1987): shape k, scale a of the excesses over the (1 - share) quantile.</summary>
    private static double GeneralisedPareto(float[] scores, double share, double f)
    {
        var start = Quantile(scores, 1 - share);
        var excess = scores.Where(s => s > start).Select(s => s - start).Order().ToArray();
        if (excess.Length < 5) return Quantile(scores, 1 - f);
        var (l1, l2) = LMoments(excess);
        var k = l1 / l2 - 2;
        var a = (1 + k) * l1;
        return start + (Math.Abs(k) < 1e-9 ? -a * Math.Log(f / share) : a / k * (1 - Math.Pow(f / share, k)));
    }

    private static (double L1, double L2) LMoments(double[] ascending)
    {
        double b0 = 0, b1 = 0;
        for (var i = 0; i < ascending.Length; i++)
        {
            b0 += ascending[i] / ascending.Length;
            b1 += ascending[i] * i / (ascending.Length - 1.0) / ascending.Length;
        }
        return (b0, 2 * b1 - b0);
    }
}
