using FaceSearch.TrainingJob.Data;

namespace FaceSearch.TrainingJob.Tests.Data;

public sealed class IdentitySplitTests
{
    [Fact]
    public void The_shares_are_those_asked_for()
    {
        ILookup<Split, int> split = Enumerable.Range(0, 20_000).ToLookup(i => IdentitySplit.Of($"person {i}", 0.05, 0.2));
        split[Split.Test].Count().ShouldBeInRange(3800, 4200);
        split[Split.Validation].Count().ShouldBeInRange(900, 1100);
    }

    [Fact]
    public void A_person_stays_in_the_same_split_on_every_machine()
    {
        // Written down once: another hash would judge models on people their ancestors were trained on.
        string[] names = ["Ada", "Grace", "Emmy", "Maryam", "Sofya", "Hypatia", "Rosalind", "Chien-Shiung"];
        names.Select(n => IdentitySplit.Of(n, 0.25, 0.25)).ShouldBe(
            [Split.Train, Split.Train, Split.Train, Split.Test, Split.Validation, Split.Train, Split.Test, Split.Train]);
    }

    [Fact]
    public void A_larger_test_share_keeps_all_test_people()
    {
        foreach (string person in Enumerable.Range(0, 500).Select(i => $"p{i}").Where(p => IdentitySplit.Of(p, 0, 0.1) == Split.Test))
            IdentitySplit.Of(person, 0, 0.3).ShouldBe(Split.Test);
    }

    [Fact]
    public void Shares_that_leave_nobody_to_train_on_are_refused() => Should.Throw<ArgumentException>(() => IdentitySplit.Of("Ada", 0.5, 0.5));
}
