namespace FaceSearch.Evaluation.Tests.Promotion;

/// <summary>The rule of publication on synthetic people: what is better passes, whatever is not is refused with its reason.</summary>
public sealed class PromotionTests
{
    private const int People = 160;
    private static readonly LabelledTemplates Faces = SyntheticFaces.Generate(People, 1, 6, seed: 31);
    private static readonly EmbeddingMatrix Active = Changed(0.7f, noise: 0.35f, seed: 1);
    private static readonly string?[] NoCohorts = new string?[People];

    [Fact]
    public void A_model_is_no_better_than_itself()
    {
        var verdict = Judge(Active, NoCohorts);
        verdict.Promote.ShouldBeFalse();
        verdict.Reasons[0].ShouldBe("No better: no figure over everybody rises beyond its interval.");
        verdict.Reasons.Count.ShouldBe(4);
    }

    [Fact]
    public void Another_model_of_the_same_quality_is_no_better()
    {
        for (var seed = 50; seed < 60; seed++)
        {
            var verdict = Judge(Changed(0.7f, noise: 0.35f, seed), NoCohorts);
            verdict.Promote.ShouldBeFalse(string.Join(' ', verdict.Reasons));
            verdict.Reasons[0].ShouldStartWith("No better");
        }
    }

    [Fact]
    public void A_better_model_is_promoted_and_the_reasons_carry_figures()
    {
        var verdict = Judge(Changed(0.7f, noise: 0.1f, seed: 2), Cohorts(4));
        verdict.Promote.ShouldBeTrue(string.Join(' ', verdict.Reasons));
        verdict.Reasons.ShouldContain(r => r.StartsWith("Better: TAR@FAR 1e-3 goes from", StringComparison.Ordinal) && r.Contains("interval +", StringComparison.Ordinal));
    }

    [Fact]
    public void A_worse_model_is_refused()
    {
        var verdict = Judge(Changed(0.7f, noise: 0.7f, seed: 3), NoCohorts);
        verdict.Promote.ShouldBeFalse();
        verdict.Reasons.ShouldAllBe(r => r.StartsWith("Worse: ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_damaged_cohort_refuses_a_model_that_is_better_for_everybody_else_and_is_named(bool collapsed)
    {
        string?[] cohorts = Cohorts(8);
        var better = Changed(0.7f, noise: 0.1f, seed: 4);
        var damaged = Mapped(better, (row, vector) =>
        {
            if (cohorts[Faces.Identities[row]] != "c3") return;
            // Its people are taken for each other, or no longer found.
            var random = new Random(collapsed ? 99 : 1_000 + row);
            for (var i = 0; i < vector.Length; i++) vector[i] = (collapsed ? 0.15f : 0.3f) * vector[i] + (float)(random.NextDouble() - 0.5) * 0.3f;
        });
        Judge(better, cohorts).Promote.ShouldBeTrue();
        var verdict = Judge(damaged, cohorts);
        verdict.Promote.ShouldBeFalse();
        verdict.Reasons.ShouldAllBe(r => r.StartsWith("Worse: ", StringComparison.Ordinal));
        if (collapsed)
            return; // Everybody's threshold rises above them: the others suffer most.
        verdict.Reasons.ShouldContain(r => r.Contains("of cohort 'c3'", StringComparison.Ordinal), string.Join('\n', verdict.Reasons));
        verdict.Reasons.ShouldNotContain(r => r.Contains("'c1'", StringComparison.Ordinal));
    }

    [Fact]
    public void A_small_cohort_whose_people_are_taken_for_each_other_does_not_hide_behind_everybody()
    {
        // Six of 160 people: their pairs are fewer than one impostor pair in a thousand.
        string?[] cohorts = [.. Enumerable.Range(0, People).Select(p => p % 26 == 1 ? "few" : "many")];
        var verdict = Judge(Mapped(Changed(0.7f, noise: 0.1f, seed: 4), (row, vector) =>
        {
            if (cohorts[Faces.Identities[row]] != "few") return;
            var random = new Random(99);
            for (var i = 0; i < vector.Length; i++) vector[i] = 0.4f * vector[i] + (float)(random.NextDouble() - 0.5) * 0.3f;
        }), cohorts);
        verdict.Promote.ShouldBeFalse();
        verdict.Reasons.ShouldAllBe(r => r.StartsWith("Worse: ", StringComparison.Ordinal), string.Join('\n', verdict.Reasons));
    }

    [Fact]
    public void A_model_trained_on_shuffled_labels_is_refused()
    {
        // What such training teaches: people are pulled towards strangers. Half of each vector is another person's.
        var shuffled = Enumerable.Range(0, Active.Rows).ToArray();
        new Random(5).Shuffle(shuffled);
        var verdict = Judge(Mapped(Active, (row, vector) =>
        {
            var other = Active.Row(shuffled[row]);
            for (var i = 0; i < vector.Length; i++) vector[i] += other[i];
        }), NoCohorts);
        verdict.Promote.ShouldBeFalse();
        verdict.Reasons.ShouldAllBe(r => r.StartsWith("Worse: ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.001f)]
    public void A_collapsed_model_is_refused(float rest)
    {
        var verdict = Judge(Mapped(Active, (row, vector) =>
        {
            var random = new Random(row);
            for (var i = 0; i < vector.Length; i++) vector[i] = (i == 0 ? 1 : 0) + rest * (float)random.NextDouble();
        }), NoCohorts);
        verdict.Promote.ShouldBeFalse();
        verdict.Reasons.Count(r => r.StartsWith("Worse: ", StringComparison.Ordinal)).ShouldBe(3);
    }

    [Fact]
    public void Too_few_people_prove_nothing()
    {
        var verdict = PromotionRule.Judge(12, [], leastPeople: 20);
        verdict.Promote.ShouldBeFalse();
        verdict.Reasons.ShouldHaveSingleItem().ShouldContain("Only 12 people");
    }

    [Fact]
    public void Figures_are_those_of_the_plain_metrics()
    {
        var result = Compare(Changed(0.7f, noise: 0.2f, seed: 6), NoCohorts);
        List<float> genuine = [], impostor = [];
        for (var i = 0; i < Active.Rows; i++)
        {
            for (var j = i + 1; j < Active.Rows; j++)
                (Faces.Identities[i] == Faces.Identities[j] ? genuine : impostor).Add(Dot(Active.Row(i), Active.Row(j)));
        }
        var verification = new VerificationMetrics([.. genuine], [.. impostor]);
        var first = new HashSet<int>();
        int[] gallery = [.. Enumerable.Range(0, Active.Rows).Where(i => first.Add(Faces.Identities[i]))];
        int[] probes = [.. Enumerable.Range(0, Active.Rows).Except(gallery)];
        var identification = IdentificationMetrics.LeaveOwnIdentityOut(IdentificationSearch.Run(
            Active.Select(gallery), gallery.Select(i => Faces.Identities[i]).ToArray(), Active.Select(probes), probes.Select(i => Faces.Identities[i]).ToArray()));

        result.Figures.Select(f => f.Active).ShouldBe([verification.TarAtFar(1e-3), identification.RankAccuracy(1), identification.TpirAtFpir(0.01)], tolerance: 1e-6);
        result.Figures.ShouldAllBe(f => f.Lower <= f.Candidate - f.Active && f.Candidate - f.Active <= f.Upper);
    }

    [Fact]
    public void A_cohort_of_too_few_people_is_listed_and_not_judged()
    {
        string?[] cohorts = [.. Enumerable.Range(0, People).Select(p => p < 3 ? "few" : "many")];
        var result = Compare(Active, cohorts);
        result.Unjudged.ShouldBe(["few"]);
        result.Figures.Select(f => f.Cohort).Distinct().ShouldBe([null, "many"]);
    }

    [Fact]
    public void Vectors_that_are_no_vectors_are_refused_before_any_figure()
    {
        float[] values = Active.Values.ToArray();
        values[200] = float.NaN;
        Should.Throw<ArgumentException>(() => new ComparedFaces(Active, new EmbeddingMatrix(values, Active.Dimension), Faces.Identities, NoCohorts));
        Should.Throw<ArgumentException>(() => new ComparedFaces(Active, new EmbeddingMatrix(new float[values.Length], Active.Dimension), Faces.Identities, NoCohorts));
    }

    [Fact]
    public void A_carried_threshold_keeps_its_false_match_rate()
    {
        var old = new ImpostorPrior([new(0.5, 0), new(1e-2, 0.25f), new(1e-4, 0.4f), new(1e-6, 0.54f)]);
        var next = new ImpostorPrior([new(0.5, 0.1f), new(1e-2, 0.5f), new(1e-4, 0.7f), new(1e-6, 0.8f)]);
        ThresholdTransfer.Carry(0.4f, old, next).ShouldBe(0.7f, 1e-4f);
        ThresholdTransfer.Carry(ThresholdTransfer.Carry(0.33f, old, next), next, old).ShouldBe(0.33f, 1e-4f);
    }

    private static PromotionVerdict Judge(EmbeddingMatrix candidate, string?[] cohorts)
    {
        var result = Compare(candidate, cohorts);
        return PromotionRule.Judge(result.People, result.Figures, leastPeople: 20);
    }

    private static ModelComparisonResult Compare(EmbeddingMatrix candidate, string?[] cohorts) =>
        ModelComparer.Compare(new ComparedFaces(Active, candidate, Faces.Identities, cohorts), resamples: 1000);

    private static string?[] Cohorts(int count) => [.. Enumerable.Range(0, People).Select(p => $"c{p % count}")];

    /// <summary>The synthetic faces with so much of them kept and so much noise added: a model of a certain quality.</summary>
    private static EmbeddingMatrix Changed(float kept, float noise, int seed)
    {
        var random = new Random(seed);
        return Mapped(Faces.Templates, (_, vector) =>
        {
            for (var i = 0; i < vector.Length; i++)
                vector[i] = kept * vector[i] + noise * (float)((random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 2 / Math.Sqrt(vector.Length));
        });
    }

    private static EmbeddingMatrix Mapped(EmbeddingMatrix matrix, Action<int, float[]> change)
    {
        var values = new float[matrix.Values.Length];
        for (var row = 0; row < matrix.Rows; row++)
        {
            var vector = matrix.Row(row).ToArray();
            change(row, vector);
            var length = MathF.Sqrt(Dot(vector, vector));
            for (var i = 0; i < vector.Length; i++) values[row * vector.Length + i] = vector[i] / length;
        }
        return new EmbeddingMatrix(values, matrix.Dimension);
    }

    private static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        float sum = 0;
        for (var i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
