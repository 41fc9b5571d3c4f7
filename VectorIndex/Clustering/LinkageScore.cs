namespace FaceSearch.VectorIndex.Clustering;

/// <summary>
/// Likeness of two groups from what is kept of each: its size n and the sum S of its members. Both linkages are exact in these
/// sums: the mean product of all pairs across A and B is &lt;S_A, S_B&gt; / (n_A n_B).
/// </summary>
internal static class LinkageScore
{
    // Evidence of n members that sum to S, about a centre with as much variance as the members have around it, both set to 1:
    // E(n, |S|^2) = -ln(1 + n) / 2 + |S|^2 / (2 (1 + n)). E(2, 2 + 2s) - 2 E(1, 1) = s / 3 + c for two unit vectors of score s.
    private const double PairSlope = 3;
    private static readonly double PairOffset = Math.Log(2) - (0.5 * Math.Log(3)) - (1.0 / 6);

    /// <param name="linkage">The kind.</param>
    /// <param name="sizeA">n_A.</param>
    /// <param name="squaredA">|S_A|^2.</param>
    /// <param name="sizeB">n_B.</param>
    /// <param name="squaredB">|S_B|^2.</param>
    /// <param name="product">&lt;S_A, S_B&gt;.</param>
    /// <returns>The likeness, in units of the score of two single vectors.</returns>
    public static double Of(Linkage linkage, int sizeA, double squaredA, int sizeB, double squaredB, double product)
    {
        if (linkage == Linkage.Average) return product / ((double)sizeA * sizeB);
        double ratio = Evidence(sizeA + sizeB, squaredA + squaredB + (2 * product)) - (Evidence(sizeA, squaredA) + Evidence(sizeB, squaredB));
        return PairSlope * (ratio - PairOffset);
    }

    private static double Evidence(int size, double squared) => (-0.5 * Math.Log(1 + size)) + (squared / (2 * (1.0 + size)));
}
