namespace FaceSearch.Evaluation;

/// <summary>The standard normal distribution's upper tail, in which impostor curves are close to straight lines.</summary>
internal static class NormalDistribution
{
    /// <summary>z with P(Z >= z) = <paramref name="tail"/>; rational approximation of P. J. Acklam (2003), relative error below 1.2e-9.
    /// Tails from 1e-300 to 1 - 1e-16; beyond these it is cut off.</summary>
    public static double UpperQuantile(double tail)
    {
        const double Central = 0.02425;
        tail = Math.Clamp(tail, 1e-300, 1 - 1e-16);
        if (tail < Central) return Outer(Math.Sqrt(-2 * Math.Log(tail)));
        if (tail > 1 - Central) return -Outer(Math.Sqrt(-2 * Math.Log(1 - tail)));
        var q = 0.5 - tail;
        var r = q * q;
        return (((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.3577518672690) * r - 30.66479806614716) * r + 2.506628277459239) * q
            / (((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r - 13.28068155288572) * r + 1);
    }

    /// <summary>P(Z >= z): the inverse of <see cref="UpperQuantile"/> by bisection of the tail's logarithm, so that the two agree to the last digits.</summary>
    public static double UpperTail(double z)
    {
        if (double.IsNaN(z)) return double.NaN;
        if (z < 0) return 1 - UpperTail(-z);
        double low = Math.Log(1e-300), high = Math.Log(0.5);
        for (var i = 0; i < 60; i++)
        {
            var middle = (low + high) / 2;
            if (UpperQuantile(Math.Exp(middle)) > z) low = middle;
            else high = middle;
        }
        return Math.Exp((low + high) / 2);
    }

    private static double Outer(double q) =>
        -(((((-0.007784894002430293 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) * q + 4.374664141464968) * q + 2.938163982698783)
        / ((((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1);
}
