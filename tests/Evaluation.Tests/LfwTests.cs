namespace FaceSearch.Evaluation.Tests;

public sealed class LfwTests
{
    private const string TwoFolds = "2\t1\nAnn_Lee\t1\t2\nAnn_Lee\t1\tBo\t3\nBo\t3\t4\nBo\t4\tCy_de_la_Cruz\t12\n";

    [Fact]
    public void A_pairs_file_is_read_fold_by_fold()
    {
        var pairs = LfwPairs.Parse(new StringReader(TwoFolds));
        pairs.Count.ShouldBe(4);
        pairs[0].ShouldBe(new LfwPair(0, new("Ann_Lee", 1), new("Ann_Lee", 2)));
        pairs[3].ShouldBe(new LfwPair(1, new("Bo", 4), new("Cy_de_la_Cruz", 12)));
        pairs.Select(p => p.Same).ShouldBe([true, false, true, false]);
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("2\t1\nAnn\t1\t2\n", 3)]
    [InlineData("1\t1\nAnn\t1\n", 2)]
    [InlineData("1\t1\nAnn\t1\tx\n", 2)]
    public void A_malformed_pairs_file_names_the_line(string text, int line) =>
        Should.Throw<FormatException>(() => LfwPairs.Parse(new StringReader(text))).Message.ShouldContain($"Line {line} ");

    [Theory]
    [InlineData("Ann_Lee_0003", "Ann_Lee", 3)]
    [InlineData("Bo_0012.jpg", "Bo", 12)]
    public void Image_names_are_read(string name, string person, int number) => LfwImage.Parse(name).ShouldBe(new LfwImage(person, number));

    [Fact]
    public void A_pair_of_an_absent_person_is_left_out_and_counted()
    {
        var rows = new Dictionary<LfwImage, int> { [new("Ann_Lee", 1)] = 0, [new("Ann_Lee", 2)] = 1, [new("Bo", 3)] = 2, [new("Bo", 4)] = 3 };
        var (scored, leftOut) = PairAccuracy.Score(LfwPairs.Parse(new StringReader(TwoFolds)), rows, new EmbeddingMatrix([1, 0, 1, 0, 0, 1, 0, 1], 2));
        leftOut.ShouldBe(1);
        scored.ShouldBe([new(0, true, 1), new(0, false, 0), new(1, true, 1)]);
    }

    [Fact]
    public void The_threshold_of_a_fold_comes_from_the_other_folds_only()
    {
        // Fold 1 alone would choose 0.5; the other two choose 0.85 and get fold 1's genuine pair wrong.
        ScoredPair[] pairs =
        [
            new(0, true, 0.9f), new(0, false, 0.8f), new(2, true, 0.95f), new(2, false, 0.75f),
            new(1, true, 0.6f), new(1, false, 0.4f),
        ];
        var result = PairAccuracy.Evaluate(pairs);
        result.FoldThresholds[1].ShouldBe(0.85f, 1e-6f);
        result.FoldAccuracies[1].ShouldBe(0.5);
        result.PairsUsed.ShouldBe(6);
        result.Mean.ShouldBe(result.FoldAccuracies.Average());
    }

    [Fact]
    public void The_standard_error_is_the_sample_deviation_over_the_root_of_the_folds()
    {
        // Accuracies 1, 1, 1, 0.5 at a threshold that every other three folds agree on.
        var pairs = Enumerable.Range(0, 4).SelectMany(f => new ScoredPair[] { new(f, true, 0.9f), new(f, false, f == 3 ? 0.95f : 0.1f) }).ToArray();
        var result = PairAccuracy.Evaluate(pairs);
        result.FoldAccuracies.ShouldBe([1, 1, 1, 0.5]);
        result.StandardError.ShouldBe(0.25 / 2, 1e-12);
    }

    [Fact]
    public void Ten_folds_of_the_reference_embeddings_reach_the_reference_accuracy()
    {
        var lfw = TestData.Lfw();
        using var reader = File.OpenText(TestData.ProtocolPath("pairs.txt"));
        var pairs = LfwPairs.Parse(reader);
        pairs.Count.ShouldBe(6000);
        var result = PairAccuracy.Evaluate(pairs, lfw.RowOf, lfw.Templates);
        (result.PairsUsed + result.PairsLeftOut).ShouldBe(6000);
        result.PairsUsed.ShouldBe(4542);
        result.FoldAccuracies.Count.ShouldBe(10);
        result.Mean.ShouldBe(0.9921, 0.0005);
        result.StandardError.ShouldBe(0.0018, 0.0002);
    }
}
