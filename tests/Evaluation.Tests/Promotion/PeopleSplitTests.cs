namespace FaceSearch.Evaluation.Tests.Promotion;

public sealed class PeopleSplitTests
{
    [Fact]
    public void Shares_are_kept_and_a_person_never_changes_sides()
    {
        string[] people = [.. Enumerable.Range(0, 20_000).Select(i => $"person {i}")];
        people.Count(p => PeopleSplit.Of(p, 0.05, 0.2) == SplitPart.Test).ShouldBeInRange(3_800, 4_200);
        people.Count(p => PeopleSplit.Of(p, 0.05, 0.2) == SplitPart.Validation).ShouldBeInRange(900, 1_100);
        foreach (var person in people.Where(p => PeopleSplit.Of(p, 0.05, 0.2) == SplitPart.Test))
            PeopleSplit.Of(person, 0.1, 0.3).ShouldBe(SplitPart.Test);
    }

    [Theory]
    [InlineData("ada", SplitPart.Train)]
    [InlineData("George_W_Bush", SplitPart.Train)]
    public void The_hash_is_fixed_for_good(string person, SplitPart part) => PeopleSplit.Of(person, 0.05, 0.2).ShouldBe(part);

    [Theory]
    [InlineData(-0.1, 0.2)]
    [InlineData(0.9, 0.2)]
    [InlineData(double.NaN, 0.2)]
    public void Shares_that_are_none_are_refused(double validation, double test) => Should.Throw<ArgumentOutOfRangeException>(() => PeopleSplit.Of("ada", validation, test));
}
