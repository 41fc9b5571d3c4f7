namespace FaceSearch.Evaluation;

/// <summary>
/// What is known of a model's impostor scores before any gallery exists: FMR -> score pairs, from the model's manifest.
/// Between the points the curve is linear in (normal quantile of FMR, score); beyond them it goes on along the outermost
/// segment, so two points suffice.
/// </summary>
public sealed class ImpostorPrior
{
    /// <param name="points">At least two points with distinct rates in (0, 1); any order. Scores must rise as the rate falls.</param>
    /// <exception cref="ArgumentException">Fewer than two points, a rate outside (0, 1), or a curve that is not falling.</exception>
    public ImpostorPrior(IReadOnlyList<OperatingPoint> points)
    {
        Points = [.. points.OrderByDescending(p => p.FalseMatchRate)];
        if (Points.Count < 2)
            throw new ArgumentException($"An impostor prior needs at least 2 operating points, got {Points.Count}.", nameof(points));
        for (var i = 0; i < Points.Count; i++)
        {
            if (!(Points[i].FalseMatchRate is > 0 and < 1) || !float.IsFinite(Points[i].Score))
                throw new ArgumentException($"Operating point {i} of the prior must have a rate in (0, 1) and a finite score, got {Points[i]}.", nameof(points));
            if (i > 0 && (Points[i].FalseMatchRate == Points[i - 1].FalseMatchRate || Points[i].Score <= Points[i - 1].Score))
                throw new ArgumentException($"The prior's score must rise as the rate falls, got {Points[i - 1]} then {Points[i]}.", nameof(points));
        }
    }

    /// <summary>The points, by falling rate and rising score.</summary>
    public IReadOnlyList<OperatingPoint> Points { get; }

    /// <summary>For a model whose manifest gives nothing: impostor cosines of unit vectors in <paramref name="dimension"/>
    /// dimensions, normal with the standard deviation that trained face embeddings of that size show (about 1.5 / sqrt(dimension)).</summary>
    public static ImpostorPrior ForDimension(int dimension)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 2);
        var sigma = 1.5 / Math.Sqrt(dimension);
        return new ImpostorPrior([new(0.5, 0), new(1e-3, (float)(sigma * 3.0902)), new(1e-6, (float)(sigma * 4.7534))]);
    }
}
