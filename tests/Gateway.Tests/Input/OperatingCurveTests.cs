using FaceSearch.Gateway.Faces;

namespace FaceSearch.Gateway.Tests.Input;

public sealed class OperatingCurveTests
{
    private static readonly OperatingPoint[] Points = [new(1e-2, 0.20f), new(1e-3, 0.30f), new(1e-5, 0.40f)];

    [Theory]
    [InlineData(1e-2, 0.20f)]
    [InlineData(1e-3, 0.30f)]
    [InlineData(1e-4, 0.35f)]
    [InlineData(1e-5, 0.40f)]
    [InlineData(1e-1, 0.10f)]
    [InlineData(1e-6, 0.45f)]
    public void The_score_is_linear_in_the_logarithm_of_the_rate(double fmr, float score) => OperatingCurve.ScoreAt(Points, fmr).ShouldBe(score, 1e-5);

    [Fact]
    public void A_rate_beyond_any_figure_never_asks_for_more_than_equality() => OperatingCurve.ScoreAt(Points, 1e-60).ShouldBe(1f);

    [Fact]
    public void One_point_is_a_constant() => OperatingCurve.ScoreAt([new(1e-3, 0.3f)], 1e-6).ShouldBe(0.3f);
}
