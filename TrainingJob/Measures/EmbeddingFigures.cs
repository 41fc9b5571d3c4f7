using System.Numerics.Tensors;
using FaceSearch.Evaluation;
using FaceSearch.TrainingJob.Training;

namespace FaceSearch.TrainingJob.Measures;

/// <summary>Figures of embeddings of labelled faces.</summary>
public static class EmbeddingFigures
{
    private const int Folds = 10;

    /// <summary>
    /// 1:1 on random pairs and on all pairs; 1:N with each person's first face enrolled and all others as probes.
    /// </summary>
    /// <param name="embeddings">One unit vector a face.</param>
    /// <param name="identities">Whose each face is.</param>
    /// <param name="pairs">Mated pairs drawn for the accuracy, and as many non-mated.</param>
    /// <param name="seed">Of the drawn pairs.</param>
    /// <exception cref="TrainingException">No person has two faces, or there is one person only.</exception>
    public static EvaluationFigures Of(EmbeddingMatrix embeddings, IReadOnlyList<int> identities, int pairs = 3000, int seed = 1)
    {
        (float[] mated, float[] nonMated) = AllPairs(embeddings, identities);
        if (mated.Length == 0 || nonMated.Length == 0)
            throw new TrainingException($"Figures need a person with two faces and a second person; there are {identities.Count} faces of {identities.Distinct().Count()} people.");
        IdentificationMetrics search = Search(embeddings, identities, out int people);
        return new EvaluationFigures(
            people, search.MatedSearches, Accuracy(mated, nonMated, pairs, seed),
            new VerificationMetrics(mated, nonMated).TarAtFar(1e-3), search.RankAccuracy(1), search.TpirAtFpir(0.01));
    }

    /// <summary>1:N: each person's first face is the gallery, the other faces are probes.</summary>
    public static IdentificationMetrics Search(EmbeddingMatrix embeddings, IReadOnlyList<int> identities, out int people)
    {
        var seen = new HashSet<int>();
        List<int> gallery = [], probes = [];
        for (int i = 0; i < identities.Count; i++)
            (seen.Add(identities[i]) ? gallery : probes).Add(i);
        people = gallery.Count;
        return IdentificationMetrics.LeaveOwnIdentityOut(IdentificationSearch.Run(
            embeddings.Select([.. gallery]), [.. gallery.Select(i => identities[i])],
            embeddings.Select([.. probes]), [.. probes.Select(i => identities[i])]));
    }

    /// <summary>Scores of every pair of faces, mated and non-mated apart.</summary>
    public static (float[] Mated, float[] NonMated) AllPairs(EmbeddingMatrix embeddings, IReadOnlyList<int> identities)
    {
        List<float> mated = [], nonMated = [];
        for (int i = 0; i < embeddings.Rows; i++)
        {
            for (int j = 0; j < i; j++)
                (identities[i] == identities[j] ? mated : nonMated).Add(TensorPrimitives.Dot(embeddings.Row(i), embeddings.Row(j)));
        }
        return ([.. mated], [.. nonMated]);
    }

    private static double Accuracy(float[] mated, float[] nonMated, int pairs, int seed)
    {
        var random = new Random(seed);
        int count = Math.Min(pairs, Math.Min(mated.Length, nonMated.Length));
        if (count < Folds)
            return double.NaN;
        float[] same = random.GetItems(mated, count), different = random.GetItems(nonMated, count);
        IEnumerable<ScoredPair> scored = same.Select((score, i) => new ScoredPair(i % Folds, true, score)).Concat(different.Select((score, i) => new ScoredPair(i % Folds, false, score)));
        return PairAccuracy.Evaluate([.. scored]).Mean;
    }
}
