namespace FaceSearch.Gateway.Faces;

/// <summary>Reads a model's score at a wanted false-match rate off its operating points.</summary>
internal static class OperatingCurve
{
    /// <summary>Linear in score between the points, on a logarithmic FMR axis; beyond the ends, the line of the last two points goes on, up to score 1.</summary>
    /// <param name="points">In any order; at least one.</param>
    /// <param name="fmr">Wanted FMR, over 0.</param>
    public static float ScoreAt(IReadOnlyList<OperatingPoint> points, double fmr)
    {
        OperatingPoint[] sorted = [.. points.OrderByDescending(p => p.Fmr)];
        if (sorted.Length == 1)
            return sorted[0].Score;
        int i = 1;
        while (i < sorted.Length - 1 && sorted[i].Fmr > fmr)
            i++;
        (OperatingPoint a, OperatingPoint b) = (sorted[i - 1], sorted[i]);
        double t = (Math.Log(fmr) - Math.Log(a.Fmr)) / (Math.Log(b.Fmr) - Math.Log(a.Fmr));
        return (float)Math.Clamp(a.Score + t * (b.Score - a.Score), -1, 1);
    }
}
