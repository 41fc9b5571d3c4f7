namespace FaceSearch.Evaluation.Tests.Promotion;

/// <summary>The rule of publication on real embeddings of 600 people: what training gone wrong makes of them is refused each time.</summary>
public sealed class LfwPromotionTests
{
    private const int People = 600, MostImages = 6;

    [Theory]
    [InlineData(1f)]
    [InlineData(0.02f)]
    public void A_collapsed_run_is_refused(float left)
    {
        // Everybody near one direction; what is left of the person drowns in noise.
        var (active, people) = Faces();
        var random = new Random(1);
        var verdict = Judge(active, Mapped(active, (_, vector) =>
        {
            for (var i = 0; i < vector.Length; i++) vector[i] = (i == 0 ? 20 : 0) + left * vector[i] + left * (float)(random.NextDouble() - 0.5);
        }), people, new string?[People]);
        verdict.Promote.ShouldBeFalse();
        verdict.Reasons.ShouldAllBe(r => r.StartsWith("Worse: ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_run_on_shuffled_labels_is_refused()
    {
        // Such a run learns to bring strangers together: every face takes on something of a random other one.
        var (active, people) = Faces();
        var partner = Enumerable.Range(0, active.Rows).ToArray();
        new Random(2).Shuffle(partner);
        var verdict = Judge(active, Mapped(active, (row, vector) =>
        {
            var other = active.Row(partner[row]);
            for (var i = 0; i < vector.Length; i++) vector[i] += 0.5f * other[i];
        }), people, new string?[People]);
        verdict.Promote.ShouldBeFalse();
        verdict.Reasons.ShouldAllBe(r => r.StartsWith("Worse: ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_run_that_serves_everybody_better_but_one_cohort_worse_is_refused_by_the_cohorts_name()
    {
        var (active, people) = Faces();
        string?[] cohorts = [.. Enumerable.Range(0, People).Select(p => p % 10 == 0 ? "children" : "adults")];
        var means = Means(active, people);
        // Faces move towards their own person's mean; the damaged cohort's away from it.
        EmbeddingMatrix Candidate(float forChildren) => Mapped(active, (row, vector) =>
        {
            var pull = cohorts[people[row]] == "children" ? forChildren : 0.3f;
            for (var i = 0; i < vector.Length; i++) vector[i] += pull * (means[people[row]][i] - vector[i]);
        });
        Judge(active, Candidate(0.3f), people, cohorts).Promote.ShouldBeTrue();
        var verdict = Judge(active, Candidate(-0.6f), people, cohorts);
        verdict.Promote.ShouldBeFalse();
        verdict.Reasons.ShouldContain(r => r.StartsWith("Worse: ", StringComparison.Ordinal) && r.Contains("of cohort 'children'", StringComparison.Ordinal), string.Join('\n', verdict.Reasons));
        verdict.Reasons.ShouldNotContain(r => r.Contains("'adults'", StringComparison.Ordinal));
    }

    [Fact]
    public void The_model_against_itself_is_no_better()
    {
        var (active, people) = Faces();
        Judge(active, active, people, new string?[People]).Reasons[0].ShouldStartWith("No better");
    }

    private static float[][] Means(EmbeddingMatrix matrix, int[] people)
    {
        var means = Enumerable.Range(0, People).Select(_ => new float[matrix.Dimension]).ToArray();
        for (var row = 0; row < matrix.Rows; row++)
            for (var i = 0; i < matrix.Dimension; i++) means[people[row]][i] += matrix.Row(row)[i] / people.Count(p => p == people[row]);
        return means;
    }

    private static (EmbeddingMatrix Active, int[] People) Faces()
    {
        var lfw = TestData.Lfw();
        var rows = TestData.RowsByIdentity(lfw.Identities).Where(r => r.Length >= 2).Take(People).Select(r => r[..Math.Min(MostImages, r.Length)]).ToArray();
        return (lfw.Templates.Select(rows.SelectMany(r => r).ToArray()), [.. rows.SelectMany((r, person) => Enumerable.Repeat(person, r.Length))]);
    }

    private static PromotionVerdict Judge(EmbeddingMatrix active, EmbeddingMatrix candidate, int[] people, string?[] cohorts)
    {
        var result = ModelComparer.Compare(new ComparedFaces(active, candidate, people, cohorts), resamples: 1000);
        return PromotionRule.Judge(result.People, result.Figures, leastPeople: 20);
    }

    private static EmbeddingMatrix Mapped(EmbeddingMatrix matrix, Action<int, float[]> change)
    {
        var values = new float[matrix.Values.Length];
        for (var row = 0; row < matrix.Rows; row++)
        {
            var vector = matrix.Row(row).ToArray();
            change(row, vector);
            var length = MathF.Sqrt(vector.Sum(x => x * x));
            for (var i = 0; i < vector.Length; i++) values[row * vector.Length + i] = vector[i] / length;
        }
        return new EmbeddingMatrix(values, matrix.Dimension);
    }
}
