namespace FaceSearch.Evaluation.Tests;

public sealed class DecisionRuleTests
{
    [Theory]
    [InlineData(0.49f, 0.1f, Decision.Unknown)]
    [InlineData(0.50f, 0.1f, Decision.Match)]
    [InlineData(0.50f, 0.49f, Decision.Match)]
    [InlineData(0.55f, 0.50f, Decision.Ambiguous)]
    [InlineData(0.90f, 0.85f, Decision.Ambiguous)]
    [InlineData(0.90f, 0.70f, Decision.Match)]
    [InlineData(0.70f, 0.70f, Decision.Ambiguous)]
    [InlineData(0.70f, float.NegativeInfinity, Decision.Match)]
    [InlineData(0.70f, float.NaN, Decision.Match)]
    [InlineData(float.NegativeInfinity, float.NegativeInfinity, Decision.Unknown)]
    [InlineData(float.NaN, float.NaN, Decision.Unknown)]
    public void Best_and_runner_up_against_a_threshold_of_half(float best, float runnerUp, Decision expected) =>
        DecisionRule.Decide(best, runnerUp, 0.5f).ShouldBe(expected);

    [Fact]
    public void A_margin_of_zero_switches_ambiguity_off() => DecisionRule.Decide(0.7f, 0.7f, 0.5f, 0).ShouldBe(Decision.Match);

    [Fact]
    public void A_person_enrolled_twice_is_mostly_ambiguous_and_a_true_match_hardly_ever()
    {
        var data = SyntheticFaces.Generate(1000, 3, 3, seed: 31);
        int[] Rows(int sample) => [.. Enumerable.Range(0, 1000).Select(p => 3 * p + sample)];
        var people = Enumerable.Range(0, 1000).ToArray();
        var single = IdentificationSearch.Run(data.Templates.Select(Rows(0)), people, data.Templates.Select(Rows(2)), people);
        var threshold = IdentificationMetrics.LeaveOwnIdentityOut(single).ThresholdAtFpir(0.01);
        var twice = IdentificationSearch.Run(
            data.Templates.Select([.. Rows(0), .. Rows(1)]), [.. people, .. people.Select(p => p + 1000)], data.Templates.Select(Rows(2)), people);

        int matches = 0, flagged = 0, pairs = 0, flaggedPairs = 0;
        for (var i = 0; i < 1000; i++)
        {
            float own = single.MatedScores[i], other = single.ImpostorScores[i];
            if (own > other && own >= threshold) matches++;
            if (own > other && DecisionRule.Decide(own, other, threshold) == Decision.Ambiguous) flagged++;
            float first = twice.MatedScores[i], second = twice.ImpostorScores[i];
            if (Math.Min(first, second) < threshold) continue;
            pairs++;
            if (DecisionRule.Decide(Math.Max(first, second), Math.Min(first, second), threshold) == Decision.Ambiguous) flaggedPairs++;
        }
        matches.ShouldBeGreaterThan(500);
        ((double)flagged / matches).ShouldBeLessThan(0.01);
        pairs.ShouldBeGreaterThan(300);
        ((double)flaggedPairs / pairs).ShouldBeGreaterThan(0.6);
    }
}
