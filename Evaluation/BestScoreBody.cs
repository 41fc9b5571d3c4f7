namespace FaceSearch.Evaluation;

/// <summary>
/// How a gallery's size turns one comparison's FMR into the rate of the best of N: FPIR = 1 - (1 - FMR)^N (ISO/IEC 19795-1,
/// annex on identification), and the *body* of the distribution of best scores on which calibration rests: twenty levels
/// evenly spaced in log rate from FPIR 0.9 to 0.1. The body is well sampled at any gallery size and out of reach of a few
/// mislabelled people, who sit at the very top.
/// </summary>
internal static class BestScoreBody
{
    private const int Levels = 20;
    private const double Highest = 0.9;

    /// <summary>The body's lowest rate.</summary>
    public const double Lowest = 0.1;

    /// <summary>The rates of the body, falling.</summary>
    public static readonly IReadOnlyList<double> Rates = MakeRates();

    /// <summary>Normal quantile of the FMR of one comparison at which the best of <paramref name="identities"/> has the given rate.</summary>
    public static double Quantile(double rate, long identities) => NormalDistribution.UpperQuantile(FmrOf(rate, identities));

    /// <summary>FMR of one comparison from the rate of the best of <paramref name="identities"/>; 0 identities count as 1.</summary>
    public static double FmrOf(double rate, long identities) => -ExpMinus1(LogOf1Plus(-rate) / Math.Max(1, identities));

    /// <summary>Rate of the best of <paramref name="identities"/> from the FMR of one comparison; 0 identities count as 1.</summary>
    public static double RateOf(double fmr, long identities) => -ExpMinus1(Math.Max(1, identities) * LogOf1Plus(-fmr));

    /// <summary>Mean of the prior's scores over the body in a gallery of <paramref name="identities"/> people.</summary>
    public static double Mean(ImpostorPrior prior, long identities)
    {
        var sum = 0.0;
        foreach (var rate in Rates) sum += prior.ScoreAt(Quantile(rate, identities));
        return sum / Levels;
    }

    // The BCL's LogP1 and ExpM1 add and subtract 1 and lose the digits that a rate of 1e-12 needs.
    private static double LogOf1Plus(double x)
    {
        var u = 1 + x;
        return u == 1 ? x : Math.Log(u) * x / (u - 1);
    }

    private static double ExpMinus1(double x) => Math.Abs(x) < 1e-5 ? x + x * x / 2 : Math.Exp(x) - 1;

    private static double[] MakeRates()
    {
        var rates = new double[Levels];
        for (var i = 0; i < Levels; i++) rates[i] = Highest * Math.Pow(Lowest / Highest, i / (Levels - 1.0));
        return rates;
    }
}
