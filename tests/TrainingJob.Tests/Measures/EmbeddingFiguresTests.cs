using FaceSearch.Evaluation;
using FaceSearch.TrainingJob.Measures;
using FaceSearch.TrainingJob.Training;

namespace FaceSearch.TrainingJob.Tests.Measures;

public sealed class EmbeddingFiguresTests
{
    [Fact]
    public void Perfectly_told_apart_people_score_one_everywhere()
    {
        EvaluationFigures figures = EmbeddingFigures.Of(Vectors(p => p), People);
        (figures.People, figures.Probes).ShouldBe((8, 24));
        (figures.PairAccuracy, figures.TarAtFar1e3, figures.Rank1, figures.TpirAtFpir1Percent).ShouldBe((1, 1, 1, 1));
    }

    [Fact]
    public void Two_people_with_the_same_vectors_cost_rank_one()
    {
        // Persons 0 and 1 look the same: a tie counts against the right one.
        EvaluationFigures figures = EmbeddingFigures.Of(Vectors(p => Math.Max(p, 1)), People);
        figures.Rank1.ShouldBe(18 / 24.0, 1e-9);
    }

    [Fact]
    public void A_vector_compared_with_itself_counts_nowhere()
    {
        EmbeddingMatrix vectors = Vectors(p => p);
        CompatibilityFigures same = ModelEvaluator.Compatibility("old", vectors, vectors, People);
        (same.OldOld, same.NewOld, same.NewNew).ShouldBe((1, 1, 1));
        // All vectors of all people alike: nothing can be accepted without accepting strangers.
        EmbeddingMatrix alike = Vectors(_ => 0);
        ModelEvaluator.Compatibility("old", alike, alike, People).OldOld.ShouldBe(0);
    }

    private static int[] People => [.. Enumerable.Range(0, 32).Select(i => i / 4)];

    private static EmbeddingMatrix Vectors(Func<int, int> axis)
    {
        float[] values = new float[32 * 8];
        for (int i = 0; i < 32; i++)
            values[(i * 8) + axis(i / 4)] = 1;
        return new EmbeddingMatrix(values, 8);
    }
}
