using FaceSearch.TrainingJob.Triplets;
using TorchSharp;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Tests.Triplets;

public sealed class CollapseDetectorTests
{
    private static readonly CollapseOptions Short = new() { Grace = 5, Window = 10 };

    [Fact]
    public void Embeddings_on_one_point_stop_the_run_with_an_explanation_after_grace_and_window()
    {
        var detector = new CollapseDetector(Short);
        string? verdict = null;
        int step = 0;
        while (verdict is null && step++ < 100)
            verdict = Step(detector, spread: 0.01f, step);
        step.ShouldBe(15);
        verdict.ShouldNotBeNull().ShouldContain("collapsed to one point");
        verdict.ShouldContain("semi-hard");
    }

    [Fact]
    public void A_few_bad_batches_among_good_ones_do_not_stop_a_run()
    {
        var detector = new CollapseDetector(Short);
        for (int step = 0; step < 60; step++)
            Step(detector, spread: step % 5 == 0 ? 0.01f : 1f, step).ShouldBeNull();
    }

    [Fact]
    public void A_run_that_has_learnt_everything_is_not_a_collapse()
    {
        var detector = new CollapseDetector(Short);
        for (int step = 0; step < 60; step++)
            detector.Observe(0.9, new MinedTriplets([], 10, 100, 0), 0).ShouldBeNull();
    }

    [Fact]
    public void Almost_all_triplets_active_after_many_steps_stops_the_run()
    {
        var detector = new CollapseDetector(Short);
        string? verdict = null;
        for (int step = 0; step < 15; step++)
            verdict = detector.Observe(0.05, new MinedTriplets([], 10, 1000, 995), 0.2);
        verdict.ShouldNotBeNull().ShouldContain("99.5");
    }

    [Fact]
    public void A_loss_that_is_no_number_stops_the_run_at_once() =>
        new CollapseDetector().Observe(1, new MinedTriplets([], 1, 1, 1), double.NaN).ShouldNotBeNull().ShouldContain("learning rate");

    [Fact]
    public void Variance_is_one_over_the_whole_sphere_and_zero_on_a_point()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(2, CPU);
        Tensor sphere = nn.functional.normalize(randn([2000, 16], generator: generator), 2, 1);
        CollapseDetector.Variance(sphere).ShouldBe(1, 0.01);
        CollapseDetector.Variance(ones(10, 16)).ShouldBe(0);
    }

    /// <summary>Twelve unit vectors of three identities, scattered around one point.</summary>
    private static string? Step(CollapseDetector detector, float spread, int seed)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator((ulong)seed + 1, CPU);
        Tensor embeddings = nn.functional.normalize(randn([12, 8], generator: generator).mul(spread).add(1), 2, 1);
        MinedTriplets mined = new SemiHardMiner().Mine(SquaredDistances.Of(embeddings), [.. Enumerable.Range(0, 12).Select(i => i / 4)]);
        return detector.Observe(CollapseDetector.Variance(embeddings), mined, 0.2);
    }
}
