using System.Text.Json;

namespace FaceSearch.Evaluation.Tests;

public sealed class CalibrationTests
{
    private static readonly ImpostorPrior Prior = TestData.MobileFaceNetPrior;

    private static ScoreCalibration Fitted(int people = 500)
    {
        var data = SyntheticFaces.Generate(people, 1, 1, seed: 4);
        var own = IdentificationSearch.Run(data.Templates, data.Identities, data.Templates, data.Identities);
        return ImpostorCalibration.Fit(own.ImpostorScores, people, Prior, ImpostorPairSample.Of(data.Templates, data.Identities));
    }

    [Fact]
    public void Without_a_gallery_the_prior_speaks()
    {
        var calibration = ImpostorCalibration.FromPrior(Prior);
        calibration.SampleSize.ShouldBe(0);
        calibration.ThresholdForFmr(1e-3).ShouldBe(0.3324f, 1e-5f);
        calibration.FmrAt(0.4014f).ShouldBe(1e-4, 1e-7);
        // One identity: FPIR is FMR.
        calibration.ThresholdForFpir(1e-2, 1).ShouldBe(0.2496f, 1e-5f);
        calibration.ThresholdForFpir(0.01, 1000).ShouldBe(calibration.ThresholdForFmr(1 - Math.Pow(0.99, 1e-3)), 1e-5f);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(10)]
    [InlineData(50)]
    public void Tiny_galleries_stay_near_the_prior(int people)
    {
        var data = SyntheticFaces.Generate(Math.Max(people, 1), 1, 1, seed: 9);
        var templates = people == 0 ? new EmbeddingMatrix([], 128) : data.Templates;
        int[] labels = people == 0 ? [] : data.Identities;
        var prior = ImpostorPrior.Measure(SyntheticFaces.Generate(500, 1, 1, seed: 10).Templates, [.. Enumerable.Range(0, 500)]);
        var own = IdentificationSearch.Run(templates, labels, templates, labels);
        var fitted = ImpostorCalibration.Fit(own.ImpostorScores, people, prior, ImpostorPairSample.Of(templates, labels));
        var expected = ImpostorCalibration.FromPrior(prior).ThresholdForFpir(0.01, people);
        fitted.ThresholdForFpir(0.01, people).ShouldBe(expected, 0.06f);
        fitted.SampleSize.ShouldBe(people < 2 ? 0 : people);
    }

    [Fact]
    public void Thresholds_rise_as_the_target_falls_and_as_the_gallery_grows()
    {
        foreach (var calibration in new[] { Fitted(), Fitted(2000), ImpostorCalibration.FromPrior(Prior) })
        {
            var last = float.NegativeInfinity;
            foreach (var target in new[] { 0.99, 0.5, 0.1, 0.0999, 0.05, 0.03, 0.01, 1e-3, 1e-4, 1e-6 })
            {
                var threshold = calibration.ThresholdForFpir(target, 500);
                threshold.ShouldBeGreaterThan(last);
                last = threshold;
            }
            last = float.NegativeInfinity;
            foreach (var people in new long[] { 1, 2, 10, 500, 10_000, 1_000_000, 1_000_000_000 })
            {
                var threshold = calibration.ThresholdForFpir(0.01, people);
                threshold.ShouldBeGreaterThan(last);
                last = threshold;
            }
        }
    }

    [Theory]
    [InlineData(0.3, 500)]
    [InlineData(0.01, 500)]
    [InlineData(0.001, 100_000)]
    [InlineData(1e-5, 10_000_000)]
    public void Rate_and_threshold_are_each_others_inverse(double rate, long people)
    {
        var calibration = Fitted();
        var fpir = calibration.FpirAt(calibration.ThresholdForFpir(rate, people), people);
        (fpir / rate).ShouldBe(1, 1e-3);
        (calibration.FmrAt(calibration.ThresholdForFmr(rate)) / rate).ShouldBe(1, 1e-3);
    }

    [Fact]
    public void A_calibration_survives_json()
    {
        var calibration = Fitted();
        var back = JsonSerializer.Deserialize<ScoreCalibration>(JsonSerializer.Serialize(calibration))!;
        back.ThresholdForFpir(0.01, 12_345).ShouldBe(calibration.ThresholdForFpir(0.01, 12_345));
        back.FmrAt(0.4f).ShouldBe(calibration.FmrAt(0.4f));
        back.SampleSize.ShouldBe(calibration.SampleSize);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    public void Rates_outside_0_and_1_are_refused(double rate)
    {
        var calibration = ImpostorCalibration.FromPrior(Prior);
        Should.Throw<ArgumentOutOfRangeException>(() => calibration.ThresholdForFpir(rate, 10));
        Should.Throw<ArgumentOutOfRangeException>(() => calibration.ThresholdForFmr(rate));
    }

    [Fact]
    public void A_prior_must_be_a_rising_curve()
    {
        Should.Throw<ArgumentException>(() => new ImpostorPrior([new(0.1, 0.2f)]));
        Should.Throw<ArgumentException>(() => new ImpostorPrior([new(0.1, 0.2f), new(0.01, 0.1f)]));
        Should.Throw<ArgumentException>(() => new ImpostorPrior([new(0.1, 0.2f), new(0, 0.3f)]));
        Should.Throw<ArgumentException>(() => new ImpostorPrior([new(0.1, float.NaN), new(0.01, 0.3f)]));
        new ImpostorPrior([new(0.01, 0.3f), new(0.1, 0.2f)]).Points[0].FalseMatchRate.ShouldBe(0.1);
    }

    [Fact]
    public void People_enrolled_twice_do_not_move_the_threshold()
    {
        var data = SyntheticFaces.Generate(1000, 1, 1, seed: 12);
        float Threshold(double share, out int leftOut)
        {
            // The first so many people are enrolled again under another identity, with nearly the same template.
            var twice = (int)(share * 1000);
            var rows = Enumerable.Range(0, 1000).Concat(Enumerable.Range(0, twice)).ToArray();
            var gallery = data.Templates.Select(rows);
            int[] labels = [.. Enumerable.Range(0, rows.Length)];
            var own = IdentificationSearch.Run(gallery, labels, gallery, labels);
            var fit = ImpostorCalibration.Fit(own.ImpostorScores, rows.Length, Prior, ImpostorPairSample.Of(gallery, labels));
            leftOut = fit.LeftOut;
            return fit.ThresholdForFpir(0.01, 1000);
        }
        var clean = Threshold(0, out var none);
        none.ShouldBe(0);
        Threshold(0.05, out var hundred).ShouldBe(clean, 0.03f);
        hundred.ShouldBe(100);
        Threshold(0.15, out var threeHundred).ShouldBe(clean, 0.03f);
        threeHundred.ShouldBe(300);
    }

    [Fact]
    public void Scores_that_are_not_finite_are_ignored()
    {
        var fit = ImpostorCalibration.Fit([float.NegativeInfinity, float.NaN, 0.3f, 0.31f], 3, Prior);
        fit.SampleSize.ShouldBe(2);
        float.IsFinite(fit.ThresholdForFpir(0.01, 3)).ShouldBeTrue();
    }

    [Theory]
    [InlineData(0.5, 0)]
    [InlineData(0.158655253931457, 1)]
    [InlineData(0.00134989803163009, 3)]
    [InlineData(9.86587645037698e-10, 6)]
    [InlineData(0.841344746068543, -1)]
    public void The_normal_tail_matches_its_table(double tail, double z)
    {
        NormalDistribution.UpperQuantile(tail).ShouldBe(z, 1e-7);
        (NormalDistribution.UpperTail(z) / tail).ShouldBe(1, 1e-6);
    }
}
