namespace FaceSearch.Evaluation.Tests;

public sealed class MetricsTests
{
    [Fact]
    public void Rates_of_a_hand_counted_identification()
    {
        // Five mated probes: three first, at 0.9, 0.6 and 0.3; one second, one fourth. Ten strangers at 0.0, 0.05 .. 0.45.
        var strangers = Enumerable.Range(0, 10).Select(i => i * 0.05f).ToArray();
        var metrics = new IdentificationMetrics([1, 1, 1, 2, 4], [0.9f, 0.6f, 0.3f, 0.8f, 0.2f], strangers);

        metrics.RankAccuracy(1).ShouldBe(0.6);
        metrics.RankAccuracy(2).ShouldBe(0.8);
        metrics.RankAccuracy(4).ShouldBe(1);
        metrics.FpirAt(0.35f).ShouldBe(0.3, 1e-12);
        metrics.TpirAt(0.35f).ShouldBe(0.4);
        metrics.FpirAt(metrics.ThresholdAtFpir(0.1)).ShouldBe(0.1);
        metrics.ThresholdAtFpir(0.1).ShouldBeInRange(0.4f, 0.45f);
        metrics.TpirAtFpir(0.5).ShouldBe(0.6);
        metrics.TpirAtFpir(0).ShouldBe(0.4);
    }

    [Fact]
    public void The_det_curve_trades_false_positives_for_false_negatives_from_end_to_end()
    {
        var random = new Random(5);
        var metrics = new IdentificationMetrics(
            [.. Enumerable.Repeat(1, 500)], [.. Enumerable.Range(0, 500).Select(_ => 0.4f + 0.5f * random.NextSingle())],
            [.. Enumerable.Range(0, 500).Select(_ => 0.6f * random.NextSingle())]);
        var curve = metrics.DetCurve(50);
        curve[0].Fpir.ShouldBe(1 / 500.0);
        curve[^1].Fpir.ShouldBe(1);
        for (var i = 1; i < curve.Count; i++)
        {
            curve[i].Threshold.ShouldBeLessThan(curve[i - 1].Threshold);
            curve[i].Fpir.ShouldBeGreaterThan(curve[i - 1].Fpir);
            curve[i].Fnir.ShouldBeLessThanOrEqualTo(curve[i - 1].Fnir);
        }
    }

    [Fact]
    public void Rates_of_hand_counted_pairs()
    {
        var metrics = new VerificationMetrics([0.9f, 0.8f, 0.7f, 0.2f], [0.1f, 0.3f, 0.5f, 0.75f]);
        metrics.FmrAt(0.5f).ShouldBe(0.5);
        metrics.FnmrAt(0.5f).ShouldBe(0.25);
        metrics.TarAtFar(0.25).ShouldBe(0.75);
        metrics.TarAtFar(0).ShouldBe(0.5);
        metrics.EqualErrorRate().ShouldBe(0.25, 0.13);
        metrics.ThresholdAtFmr(1).ShouldBe(float.NegativeInfinity);
        Should.Throw<ArgumentOutOfRangeException>(() => metrics.ThresholdAtFmr(1.1));
    }

    [Fact]
    public void Rates_of_nothing_are_not_numbers()
    {
        double.IsNaN(new VerificationMetrics([], []).FmrAt(0)).ShouldBeTrue();
        double.IsNaN(new IdentificationMetrics([], [], []).RankAccuracy(1)).ShouldBeTrue();
        new IdentificationMetrics([], [], []).DetCurve().ShouldBeEmpty();
    }

    [Fact]
    public void Csv_reads_back_to_the_same_numbers_in_any_culture()
    {
        var points = new VerificationMetrics([0.9f, 1 / 3f], [0.1f, 2 / 3f]).Curve(10);
        using var writer = new StringWriter();
        MetricsCsv.WriteVerification(writer, points);
        var lines = writer.ToString().Split("\r\n");
        lines[0].ShouldBe("threshold,fmr,fnmr,tar");
        lines.Length.ShouldBe(points.Count + 2);
        var fields = lines[1].Split(',').Select(f => double.Parse(f, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        ((float)fields[0]).ShouldBe(points[0].Threshold);
        fields[1].ShouldBe(points[0].Fmr);
        fields[3].ShouldBe(1 - points[0].Fnmr);
    }

    [Fact]
    public void The_bootstrap_is_repeatable_and_wider_when_people_have_many_images()
    {
        var hits = Enumerable.Range(0, 1000).Select(i => i / 10 % 4 == 0 ? 0.0 : 1.0).ToArray();
        double Mean(ReadOnlySpan<int> rows)
        {
            var sum = 0.0;
            foreach (var row in rows) sum += hits[row];
            return sum / rows.Length;
        }
        var single = Bootstrap.Interval([.. Enumerable.Range(0, 1000)], Mean, seed: 1);
        var clustered = Bootstrap.Interval([.. Enumerable.Range(0, 1000).Select(i => i / 10)], Mean, seed: 1);

        Bootstrap.Interval([.. Enumerable.Range(0, 1000)], Mean, seed: 1).ShouldBe(single);
        single.Lower.ShouldBeInRange(0.70, 0.745);
        single.Upper.ShouldBeInRange(0.755, 0.80);
        // 100 people instead of 1,000 images: root 10 times as wide.
        ((clustered.Upper - clustered.Lower) / (single.Upper - single.Lower)).ShouldBeInRange(2.5, 4);
    }

    [Fact]
    public void The_lfw_figures_of_the_reference_model_are_reproduced()
    {
        var lfw = TestData.Lfw();
        var (gallery, probes) = lfw.SplitFirstImage();
        int[] Labels(int[] rows) => [.. rows.Select(r => lfw.Identities[r])];
        var metrics = IdentificationMetrics.LeaveOwnIdentityOut(
            IdentificationSearch.Run(lfw.Templates.Select(gallery), Labels(gallery), lfw.Templates.Select(probes), Labels(probes)));

        metrics.MatedSearches.ShouldBe(lfw.Images.Count - lfw.People);
        metrics.RankAccuracy(1).ShouldBe(0.9706, 0.0005);
        metrics.RankAccuracy(5).ShouldBe(0.9888, 0.0005);
        metrics.TpirAtFpir(0.1).ShouldBe(0.9451, 0.0005);
        metrics.TpirAtFpir(0.01).ShouldBe(0.8856, 0.0005);
        metrics.ThresholdAtFpir(0.01).ShouldBe(0.512f, 0.001f);
    }
}
