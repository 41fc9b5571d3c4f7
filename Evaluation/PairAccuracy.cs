namespace FaceSearch.Evaluation;

/// <summary>A scored pair of a cross-validation protocol.</summary>
public readonly record struct ScoredPair(int Fold, bool Same, float Score);

/// <summary>LFW's ten-fold pair accuracy.</summary>
/// <param name="FoldAccuracies">Accuracy on each fold, at the threshold chosen on all the others.</param>
/// <param name="FoldThresholds">Those thresholds, cosine score.</param>
/// <param name="Mean">Mean of the fold accuracies.</param>
/// <param name="StandardError">Sample standard deviation of the fold accuracies over the root of their number.</param>
/// <param name="PairsUsed">Pairs scored.</param>
/// <param name="PairsLeftOut">Pairs of the protocol that could not be scored, for want of an image.</param>
public sealed record PairAccuracyResult(
    IReadOnlyList<double> FoldAccuracies, IReadOnlyList<float> FoldThresholds, double Mean, double StandardError, int PairsUsed, int PairsLeftOut);

/// <summary>Ten-fold pair accuracy (LFW README; Schroff et al. 2015, section 5.6): for each fold the threshold that is most
/// accurate on the other folds is applied to it.</summary>
public static class PairAccuracy
{
    /// <summary>Scores the pairs of a protocol by row lookup; a pair with an image that <paramref name="rowOf"/> lacks is left out and counted.</summary>
    public static PairAccuracyResult Evaluate(IReadOnlyList<LfwPair> pairs, IReadOnlyDictionary<LfwImage, int> rowOf, EmbeddingMatrix embeddings)
    {
        var (scored, leftOut) = Score(pairs, rowOf, embeddings);
        return Evaluate(scored, leftOut);
    }

    /// <summary>Scores the pairs whose two images are both there.</summary>
    public static (IReadOnlyList<ScoredPair> Scored, int LeftOut) Score(
        IReadOnlyList<LfwPair> pairs, IReadOnlyDictionary<LfwImage, int> rowOf, EmbeddingMatrix embeddings)
    {
        var scored = new List<ScoredPair>(pairs.Count);
        foreach (var pair in pairs)
        {
            if (rowOf.TryGetValue(pair.First, out var a) && rowOf.TryGetValue(pair.Second, out var b))
                scored.Add(new(pair.Fold, pair.Same, DotKernel.Dot(embeddings.Row(a), embeddings.Row(b))));
        }
        return (scored, pairs.Count - scored.Count);
    }

    /// <summary>Cross-validates scored pairs.</summary>
    /// <exception cref="ArgumentException">Fewer than two folds have pairs.</exception>
    public static PairAccuracyResult Evaluate(IReadOnlyList<ScoredPair> pairs, int leftOut = 0)
    {
        var folds = new SortedSet<int>();
        foreach (var pair in pairs) folds.Add(pair.Fold);
        if (folds.Count < 2) throw new ArgumentException($"Cross-validation needs pairs in at least 2 folds, got {folds.Count}.", nameof(pairs));
        var ordered = pairs.ToArray();
        Array.Sort(ordered, (a, b) => a.Score.CompareTo(b.Score));

        var accuracies = new List<double>();
        var thresholds = new List<float>();
        foreach (var fold in folds)
        {
            var threshold = BestThreshold(ordered, fold);
            int right = 0, all = 0;
            foreach (var pair in ordered)
            {
                if (pair.Fold != fold) continue;
                all++;
                if (pair.Score >= threshold == pair.Same) right++;
            }
            accuracies.Add((double)right / all);
            thresholds.Add(threshold);
        }
        var mean = accuracies.Average();
        var variance = accuracies.Sum(a => (a - mean) * (a - mean)) / (accuracies.Count - 1);
        return new(accuracies, thresholds, mean, Math.Sqrt(variance / accuracies.Count), pairs.Count, leftOut);
    }

    /// <summary>The threshold with most right answers outside a fold: half-way between two neighbouring scores; the lowest of equals.</summary>
    private static float BestThreshold(ScoredPair[] ascending, int excludedFold)
    {
        var right = 0;
        foreach (var pair in ascending)
            if (pair.Fold != excludedFold && pair.Same) right++;
        var best = right;
        var threshold = -1f;
        var below = float.NaN;
        foreach (var pair in ascending)
        {
            if (pair.Fold == excludedFold) continue;
            if (right > best && pair.Score > below)
            {
                best = right;
                threshold = below + (pair.Score - below) / 2;
                if (threshold == below) threshold = pair.Score;
            }
            right += pair.Same ? -1 : 1;
            below = pair.Score;
        }
        return right > best ? MathF.BitIncrement(below) : threshold;
    }
}
