namespace FaceSearch.Evaluation;

/// <summary>
/// Scores of the impostor pairs (two different identities) among a gallery's sampled templates, as FMR -> score points: the
/// shape of the gallery's own impostor curve, which moves and stretches the model's prior. Plain numbers, no templates.
/// </summary>
/// <param name="Pairs">Pairs counted.</param>
/// <param name="Points">Points at FMR 0.5, 0.1, 1e-2, 1e-3 ... down to the last decade that at least ten pairs reach, by rising score.</param>
public sealed record ImpostorPairSample(long Pairs, IReadOnlyList<OperatingPoint> Points)
{
    private const int LeastReaching = 10;

    /// <summary>Scores all impostor pairs among the given templates: n (n - 1) / 2 products, so sample 2,000 at most.</summary>
    /// <param name="templates">Templates, n x d, unit length; best one an identity, picked at random.</param>
    /// <param name="identities">The identity of each; pairs of one identity do not count.</param>
    public static ImpostorPairSample Of(EmbeddingMatrix templates, ReadOnlySpan<int> identities)
    {
        if (identities.Length != templates.Rows)
            throw new ArgumentException($"Expected {templates.Rows} identities, got {identities.Length}.", nameof(identities));
        var histogram = new ScoreHistogram();
        var scores = new float[templates.Rows];
        for (var i = 1; i < templates.Rows; i++)
        {
            DotKernel.Scores(templates.Row(i), templates.Values[..(i * templates.Dimension)], scores.AsSpan(0, i));
            var kept = 0;
            for (var j = 0; j < i; j++)
                if (identities[j] != identities[i]) scores[kept++] = scores[j];
            histogram.Add(scores.AsSpan(0, kept));
        }
        var points = new List<OperatingPoint>();
        for (var rate = 0.5; rate * histogram.Total >= LeastReaching; rate = rate == 0.5 ? 0.1 : rate / 10)
        {
            var score = histogram.ScoreReachedBy(rate);
            if (points.Count == 0 || score > points[^1].Score) points.Add(new(rate, score));
        }
        return new ImpostorPairSample(histogram.Total, points);
    }
}
