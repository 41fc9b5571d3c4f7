namespace FaceSearch.ScaleModel.Tests;

/// <summary>Results of queueing theory that the simulator must reproduce.</summary>
internal static class Analytic
{
    /// <summary>Mean of the largest of n exponentials of a mean: the mean times the n-th harmonic number.</summary>
    public static double MeanOfMax(int n, double mean) => mean * Enumerable.Range(1, n).Sum(i => 1.0 / i);

    /// <summary>Quantile of the largest of n exponentials: (1 - e^(-t/mean))^n = q.</summary>
    public static double QuantileOfMax(int n, double mean, double q) => -mean * Math.Log(1 - Math.Pow(q, 1.0 / n));

    /// <summary>Erlang's C: the probability that an arrival at M/M/c must wait.</summary>
    public static double ErlangC(int servers, double offered)
    {
        double blocking = 1;
        for (int k = 1; k <= servers; k++)
            blocking = offered * blocking / (k + (offered * blocking));
        return blocking / (1 - (offered / servers * (1 - blocking)));
    }

    /// <summary>Mean wait in an M/M/c queue.</summary>
    public static double WaitMmc(int servers, double rate, double meanService) =>
        ErlangC(servers, rate * meanService) * meanService / (servers - (rate * meanService));

    /// <summary>Mean wait in an M/G/1 queue (Pollaczek and Khinchine).</summary>
    public static double WaitMg1(double rate, double meanService, double meanSquare) => rate * meanSquare / (2 * (1 - (rate * meanService)));
}
