namespace FaceSearch.Evaluation;

/// <summary>
/// Mean and standard deviation of the scores of impostor pairs (two different identities): what moves and stretches a model's
/// prior to a gallery's own people and images. Plain numbers, no templates.
/// </summary>
/// <param name="Pairs">Pairs counted.</param>
/// <param name="Mean">Mean cosine score; NaN for no pairs.</param>
/// <param name="StandardDeviation">Population standard deviation; NaN for no pairs.</param>
public readonly record struct PairMoments(long Pairs, double Mean, double StandardDeviation)
{
    /// <summary>Moments of all impostor pairs among the given templates: n (n - 1) / 2 products, so sample 1,000 or so.</summary>
    /// <param name="templates">Templates, n x d, unit length.</param>
    /// <param name="identities">The identity of each; pairs of one identity do not count.</param>
    public static PairMoments Of(EmbeddingMatrix templates, ReadOnlySpan<int> identities)
    {
        long pairs = 0;
        double sum = 0, squares = 0;
        ImpostorPairs.ForEachRow(templates, identities, scores =>
        {
            pairs += scores.Length;
            foreach (var score in scores)
            {
                sum += score;
                squares += (double)score * score;
            }
        });
        var mean = sum / pairs;
        return new(pairs, mean, Math.Sqrt(Math.Max(0, squares / pairs - mean * mean)));
    }
}
