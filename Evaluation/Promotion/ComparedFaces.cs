namespace FaceSearch.Evaluation;

/// <summary>The same faces by two models, of people whom neither was trained on.</summary>
public sealed class ComparedFaces
{
    /// <param name="active">Embeddings by the active model, n x d.</param>
    /// <param name="candidate">Embeddings by the candidate, n x d', row for row the same faces.</param>
    /// <param name="people">The person of each row, numbered from 0 without gaps.</param>
    /// <param name="cohorts">The cohort of each person; null for none.</param>
    /// <exception cref="ArgumentException">Rows disagree, or a vector is not of finite unit length.</exception>
    public ComparedFaces(EmbeddingMatrix active, EmbeddingMatrix candidate, int[] people, string?[] cohorts)
    {
        if (active.Rows != people.Length || candidate.Rows != people.Length)
            throw new ArgumentException($"Expected {people.Length} rows of both models, got {active.Rows} and {candidate.Rows}.", nameof(people));
        if (people.Any(p => p < 0 || p >= cohorts.Length))
            throw new ArgumentException($"Expected people numbered 0 to {cohorts.Length - 1}.", nameof(people));
        CheckUnit(active, nameof(active));
        CheckUnit(candidate, nameof(candidate));
        (Active, Candidate, People, Cohorts) = (active, candidate, people, cohorts);
    }

    /// <summary>By the active model.</summary>
    public EmbeddingMatrix Active { get; }

    /// <summary>By the candidate.</summary>
    public EmbeddingMatrix Candidate { get; }

    /// <summary>The person of each row.</summary>
    public IReadOnlyList<int> People { get; }

    /// <summary>The cohort of each person.</summary>
    public IReadOnlyList<string?> Cohorts { get; }

    private static void CheckUnit(EmbeddingMatrix matrix, string name)
    {
        for (var i = 0; i < matrix.Rows; i++)
        {
            var length = DotKernel.Dot(matrix.Row(i), matrix.Row(i));
            if (!(length is > 0.98f and < 1.02f))
                throw new ArgumentException($"Row {i} is no unit vector (squared length {length}).", name);
        }
    }
}
