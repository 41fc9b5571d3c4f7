namespace FaceSearch.Evaluation;

/// <summary>
/// What is known of a model's impostor scores before any gallery exists: FMR -> score pairs, from the model's manifest
/// (best at 0.5, 0.1, 1e-2 ... 1e-6). Between the points the curve is linear in (normal quantile of the FMR, score); beyond
/// them it goes on along the outermost segment, so two points suffice.
/// </summary>
public sealed class ImpostorPrior
{
    private readonly double[] quantiles;

    /// <param name="points">At least two points with distinct rates in (0, 1); any order. Scores must rise as the rate falls.</param>
    /// <exception cref="ArgumentException">Fewer than two points, a rate outside (0, 1), or a curve that does not rise.</exception>
    public ImpostorPrior(IReadOnlyList<OperatingPoint> points)
    {
        var ordered = points.ToArray();
        Array.Sort(ordered, (a, b) => b.FalseMatchRate.CompareTo(a.FalseMatchRate));
        if (ordered.Length < 2)
            throw new ArgumentException($"An impostor prior needs at least 2 operating points, got {ordered.Length}.", nameof(points));
        for (var i = 0; i < ordered.Length; i++)
        {
            if (!(ordered[i].FalseMatchRate is > 0 and < 1) || !float.IsFinite(ordered[i].Score))
                throw new ArgumentException($"Point {i} of the prior must have a rate in (0, 1) and a finite score, got {ordered[i]}.", nameof(points));
            if (i > 0 && (ordered[i].FalseMatchRate == ordered[i - 1].FalseMatchRate || ordered[i].Score <= ordered[i - 1].Score))
                throw new ArgumentException($"The prior's score must rise as the rate falls, got {ordered[i - 1]} then {ordered[i]}.", nameof(points));
        }
        Points = ordered;
        quantiles = new double[ordered.Length];
        for (var i = 0; i < ordered.Length; i++) quantiles[i] = NormalDistribution.UpperQuantile(ordered[i].FalseMatchRate);
    }

    /// <summary>The points, by falling rate and rising score.</summary>
    public IReadOnlyList<OperatingPoint> Points { get; }

    /// <summary>
    /// For a model whose manifest says nothing: impostor cosines centred on 0 with a standard deviation of 1.2 / sqrt(dimension)
    /// (independent uniform vectors have 1 / sqrt(dimension); a trained embedding does not fill all its dimensions) and the
    /// slightly heavier than normal tail of trained face embeddings, which docs/calibration.md measures.
    /// </summary>
    public static ImpostorPrior ForDimension(int dimension)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 2);
        var sigma = 1.2 / Math.Sqrt(dimension);
        return new ImpostorPrior(
        [
            new(0.5, 0), new(0.1, (float)(1.28 * sigma)), new(1e-2, (float)(2.37 * sigma)),
            new(1e-3, (float)(3.19 * sigma)), new(1e-4, (float)(3.87 * sigma)), new(1e-5, (float)(4.43 * sigma)),
        ]);
    }

    /// <summary>
    /// Measures a model's prior: the scores that shares 0.5, 0.1, 1e-2, 1e-3 ... of all impostor pairs reach, down to the last
    /// decade that at least 100 pairs reach. Give one template an identity, of people outside the galleries to come.
    /// </summary>
    /// <param name="templates">Templates, n x d, unit length; n (n - 1) / 2 products are formed.</param>
    /// <param name="identities">The identity of each.</param>
    /// <exception cref="ArgumentException">Too few pairs (under 1,000) to say anything.</exception>
    public static ImpostorPrior Measure(EmbeddingMatrix templates, ReadOnlySpan<int> identities)
    {
        const int LeastPairs = 1000, LeastReaching = 100;
        var sample = ImpostorPairSample.Of(templates, identities);
        if (sample.Pairs < LeastPairs)
            throw new ArgumentException($"A prior needs at least {LeastPairs} impostor pairs, got {sample.Pairs}.", nameof(templates));
        return new ImpostorPrior([.. sample.Points.Where(p => p.FalseMatchRate * sample.Pairs >= LeastReaching)]);
    }

    /// <summary>
    /// The curve of a gallery: this one moved and stretched to the gallery's own pairs. Segment by segment (FMR 0.5 to 0.1 to
    /// 1e-2 ...) this curve's rise is multiplied by a ratio; the ratio that the pairs show counts with the weight c / (c + 300),
    /// c the pairs that reach the segment's upper end, against the ratio of the segment before, which also holds beyond the pairs.
    /// </summary>
    internal ImpostorPrior FittedTo(ImpostorPairSample? own)
    {
        const double PriorPairs = 300;
        if (own is null || own.Points.Count < 2) return this;
        double Weight(double rate) => rate * own.Pairs / (rate * own.Pairs + PriorPairs);
        var ownCurve = new ImpostorPrior(own.Points);
        var last = own.Points[^1].FalseMatchRate;
        var rates = own.Points.Concat(Points).Select(p => p.FalseMatchRate).Distinct().OrderDescending().ToArray();
        var z = NormalDistribution.UpperQuantile(rates[0]);
        var score = ScoreAt(z);
        score += Weight(rates[0]) * (ownCurve.ScoreAt(z) - score);
        var fitted = new List<OperatingPoint> { new(rates[0], (float)score) };
        var ratio = 1.0;
        for (var i = 1; i < rates.Length; i++)
        {
            var next = NormalDistribution.UpperQuantile(rates[i]);
            var rise = ScoreAt(next) - ScoreAt(z);
            if (rates[i] >= last)
                ratio += Weight(rates[i]) * ((ownCurve.ScoreAt(next) - ownCurve.ScoreAt(z)) / rise - ratio);
            score += ratio * rise;
            fitted.Add(new(rates[i], (float)score));
            z = next;
        }
        return new ImpostorPrior(fitted);
    }

    /// <summary>Score (not rounded to float32) at a normal quantile of the FMR.</summary>
    internal double ScoreAt(double quantile)
    {
        var i = Segment(quantiles, quantile);
        return Points[i].Score + (quantile - quantiles[i]) * Slope(i);
    }

    /// <summary>Normal quantile of the FMR at a score: the inverse of <see cref="ScoreAt"/>.</summary>
    internal double QuantileAt(double score)
    {
        var i = 0;
        while (i < quantiles.Length - 2 && score > Points[i + 1].Score) i++;
        return quantiles[i] + (score - Points[i].Score) / Slope(i);
    }

    private double Slope(int segment) =>
        ((double)Points[segment + 1].Score - Points[segment].Score) / (quantiles[segment + 1] - quantiles[segment]);

    private static int Segment(double[] ascending, double value)
    {
        var i = 0;
        while (i < ascending.Length - 2 && value > ascending[i + 1]) i++;
        return i;
    }
}
