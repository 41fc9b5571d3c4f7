namespace FaceSearch.Evaluation;

/// <summary>Receives the impostor scores of one template with those before it.</summary>
internal delegate void ScoresVisitor(ReadOnlySpan<float> scores);

/// <summary>Walks all pairs of templates of different identities, each pair once.</summary>
internal static class ImpostorPairs
{
    /// <summary>Calls <paramref name="visit"/> once a template, with its scores against all earlier templates of other identities.</summary>
    public static void ForEachRow(EmbeddingMatrix templates, ReadOnlySpan<int> identities, ScoresVisitor visit)
    {
        if (identities.Length != templates.Rows)
            throw new ArgumentException($"Expected {templates.Rows} identities, got {identities.Length}.", nameof(identities));
        var scores = new float[templates.Rows];
        for (var i = 1; i < templates.Rows; i++)
        {
            DotKernel.Scores(templates.Row(i), templates.Values[..(i * templates.Dimension)], scores.AsSpan(0, i));
            var kept = 0;
            for (var j = 0; j < i; j++)
                if (identities[j] != identities[i]) scores[kept++] = scores[j];
            visit(scores.AsSpan(0, kept));
        }
    }
}
