using System.Net;
using System.Text.Json;
using FaceSearch.FaultBench.Load;
using FaceSearch.FaultBench.Servers;

namespace FaceSearch.Faults.Tests;

/// <summary>What the fault runs rely on: a broken promise is noticed.</summary>
public sealed class LedgerTests
{
    [Theory]
    [InlineData("Present", true, 6, null)]
    [InlineData("Absent", false, 6, null)]
    [InlineData("EnrolmentUnknown", true, 6, null)]
    [InlineData("ErasureUnknown", false, 6, null)]
    [InlineData("Present", false, 6, "lost")]
    [InlineData("Absent", true, 6, "returned")]
    [InlineData("Refused", true, 6, "returned")]
    [InlineData("Present", true, 5, "partial")]
    public void An_answer_that_contradicts_what_was_acknowledged_is_a_violation(string known, bool isFound, int shards, string? violation)
    {
        Ledger ledger = new();
        Person person = ledger.Add();
        person.Known = Enum.Parse<Known>(known);
        Operations.Judge(ledger, person, Answer(isFound ? person.Name : "somebody", shards), "here");
        if (violation is null)
            ledger.Violations.ShouldBeEmpty();
        else
            ledger.Violations.ShouldHaveSingleItem().ShouldStartWith(violation);
        ledger.Reads.ShouldBe(1);
    }

    [Fact]
    public void No_answer_is_no_violation_and_no_check()
    {
        Ledger ledger = new();
        Person person = ledger.Add();
        person.Known = Known.Present;
        Operations.Judge(ledger, person, new Reply(null, default, TimeSpan.Zero, false), "here");
        (ledger.Violated, ledger.Reads).ShouldBe((0, 0));
    }

    [Fact]
    public void Two_writers_under_one_epoch_an_epoch_that_goes_back_and_a_log_that_goes_back_are_found()
    {
        Audit.Find([(1, 0, 0, "a.1"), (1, 1, 0, "a.1"), (1, 1, 1, "a.1"), (1, 2, 1, "b.1"), (1, 2, 2, "b.1"), (2, 1, 0, "b.1")]).ShouldBeEmpty();
        Audit.Find([(1, 1, 1, "a.1"), (1, 1, 2, "a.2")]).ShouldHaveSingleItem().ShouldStartWith("two writers");
        Audit.Find([(1, 2, 1, "b.1"), (1, 1, 2, "a.1")]).ShouldHaveSingleItem().ShouldStartWith("two epochs");
        Audit.Find([(1, 2, 5, "b.1"), (1, 3, 4, "a.1")]).ShouldHaveSingleItem().ShouldContain("went back");
    }

    private static Reply Answer(string first, int shards)
    {
        using JsonDocument body = JsonDocument.Parse($$"""{"results":[{"candidates":[{"identity":"{{first}}"}]}],"shardsAnswered":{{shards}},"shardsTotal":6}""");
        return new Reply(HttpStatusCode.OK, body.RootElement.Clone(), TimeSpan.Zero, false);
    }
}
