namespace FaceSearch.Evaluation.Tests;

/// <summary>The point of calibration: strangers are answered `match` at the rate that was asked for, at any gallery size.</summary>
public sealed class StrangerTests
{
    private const double Target = 0.01;

    [Theory]
    [InlineData(200, false)]
    [InlineData(1000, false)]
    [InlineData(2300, false)]
    [InlineData(200, true)]
    [InlineData(1000, true)]
    public void Half_a_percent_to_two_of_real_strangers_match_in_most_splits(int people, bool allTemplates)
    {
        var lfw = TestData.Lfw();
        var rates = Realised(new LabelledTemplates(lfw.Templates, lfw.Identities), people, allTemplates, TestData.MobileFaceNetPrior, splits: 9);
        Array.Sort(rates);
        rates[4].ShouldBeInRange(0.007, 0.017);
        rates.Count(r => r is >= 0.005 and <= 0.02).ShouldBeGreaterThanOrEqualTo(7);
    }

    [Theory]
    [InlineData(200)]
    [InlineData(1000)]
    [InlineData(2500)]
    public void Half_a_percent_to_two_of_synthetic_strangers_match_in_most_splits(int people)
    {
        var data = SyntheticFaces.Generate(5000, 1, 3, seed: 21);
        var others = SyntheticFaces.Generate(1500, 1, 1, seed: 22);
        var rates = Realised(data, people, allTemplates: true, ImpostorPrior.Measure(others.Templates, others.Identities), splits: 5);
        Array.Sort(rates);
        rates[2].ShouldBeInRange(0.006, 0.016);
        rates.Count(r => r is >= 0.005 and <= 0.02).ShouldBeGreaterThanOrEqualTo(4);
    }

    [Fact]
    public void A_calibration_at_500_people_holds_at_2300()
    {
        var lfw = TestData.Lfw();
        var rates = Realised(new LabelledTemplates(lfw.Templates, lfw.Identities), 2300, false, TestData.MobileFaceNetPrior, splits: 5, fittedAt: 500);
        Array.Sort(rates);
        rates[2].ShouldBeInRange(0.006, 0.018);
    }

    private static double[] Realised(LabelledTemplates data, int people, bool allTemplates, ImpostorPrior prior, int splits, int? fittedAt = null)
    {
        var rows = TestData.RowsByIdentity(data.Identities);
        var random = new Random(77);
        var rates = new double[splits];
        for (var split = 0; split < splits; split++)
        {
            var order = Enumerable.Range(0, rows.Length).ToArray();
            random.Shuffle(order);
            var strangers = order[..(rows.Length / 2)].SelectMany(p => rows[p]).ToArray();
            var enrolled = order[(rows.Length / 2)..][..people];
            var calibration = Calibrate(data, rows, enrolled[..(fittedAt ?? people)], allTemplates, prior, random);
            var threshold = calibration.ThresholdForFpir(Target, people);
            var found = Search(data, GalleryRows(rows, enrolled, allTemplates), strangers);
            rates[split] = (double)found.ImpostorScores.Count(s => s >= threshold) / strangers.Length;
        }
        return rates;
    }

    private static ScoreCalibration Calibrate(LabelledTemplates data, int[][] rows, int[] enrolled, bool allTemplates, ImpostorPrior prior, Random random)
    {
        var sample = enrolled.Select(p => allTemplates ? rows[p][random.Next(rows[p].Length)] : rows[p][0]).ToArray();
        var own = Search(data, GalleryRows(rows, enrolled, allTemplates), sample);
        var pairs = ImpostorPairSample.Of(data.Templates.Select(sample), Labels(data, sample));
        return ImpostorCalibration.Fit(own.ImpostorScores, enrolled.Length, prior, pairs);
    }

    private static int[] GalleryRows(int[][] rows, int[] enrolled, bool allTemplates) =>
        [.. enrolled.SelectMany(p => allTemplates ? rows[p] : rows[p][..1])];

    private static IdentificationOutcomes Search(LabelledTemplates data, int[] gallery, int[] probes) =>
        IdentificationSearch.Run(data.Templates.Select(gallery), Labels(data, gallery), data.Templates.Select(probes), Labels(data, probes));

    private static int[] Labels(LabelledTemplates data, int[] rows) => [.. rows.Select(r => data.Identities[r])];
}
