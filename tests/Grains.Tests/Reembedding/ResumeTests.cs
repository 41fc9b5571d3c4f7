using FaceSearch.Grains.Tests.Cluster;

namespace FaceSearch.Grains.Tests.Reembedding;

/// <summary>The silo stops right after a phase was stored, and another goes on.</summary>
public sealed class ResumeTests
{
    [Theory]
    [InlineData(ReembeddingPhase.Preparing)]
    [InlineData(ReembeddingPhase.Backfilling)]
    [InlineData(ReembeddingPhase.CatchingUp)]
    [InlineData(ReembeddingPhase.Verifying)]
    [InlineData(ReembeddingPhase.Active)]
    public async Task A_move_that_was_stopped_ends_as_one_that_was_not(ReembeddingPhase phase)
    {
        await using TestSilo silo = new();
        await silo.InitializeAsync();
        Moving staff = new(silo, "staff");
        await staff.CreateAsync(people: 40);
        silo.Gate.HoldAt("staff", phase);
        await staff.Grain.StartAsync(new ReembeddingRequest(TestModels.Second));
        await silo.Gate.ReachedAsync("staff", phase);
        await staff.EnrolAsync(90);
        await staff.Identity(3).EraseAsync("erase-3");
        await StopAsync(silo, "staff", phase);

        await staff.Grain.ResumeAsync();
        ReembeddingStatus status = await staff.UntilAsync(ReembeddingPhase.Active);
        status.NewGeneration.ShouldBe(2);
        await staff.BothAreTheSameAsync();
        var content = await staff.ContentAsync(2);
        content.Count.ShouldBe(40);
        content.ShouldContainKey(Faces.Name(90));
        content.ShouldNotContainKey(Faces.Name(3));
        (await staff.IdentifyAsync(90, TestModels.Second, 2)).Candidates[0].Identity.ShouldBe(Faces.Name(90));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_retirement_and_a_rollback_that_were_stopped_are_finished(bool rollback)
    {
        await using TestSilo silo = new();
        await silo.InitializeAsync();
        Moving staff = new(silo, "staff");
        await staff.CreateAsync(people: 10);
        await staff.MoveAsync();
        silo.Gate.HoldAt("staff", ReembeddingPhase.Retiring);
        await (rollback ? staff.Grain.RollbackAsync() : staff.Grain.RetireAsync());
        await silo.Gate.ReachedAsync("staff", ReembeddingPhase.Retiring);
        await StopAsync(silo, "staff", ReembeddingPhase.Retiring);

        await staff.Grain.ResumeAsync();
        await staff.UntilAsync(rollback ? ReembeddingPhase.RolledBack : ReembeddingPhase.Done);
        (await staff.ViewAsync()).Other.ShouldBeNull();
        (await silo.Gallery("staff").GetModelAsync()).Model.ShouldBe(rollback ? TestModels.First : TestModels.Second);
        Directory.GetDirectories(Path.Combine(silo.Folder.Root, "galleries", "staff")).Select(Path.GetFileName).ShouldBe([rollback ? "g1" : "g2"]);
    }

    /// <summary>Stops the silo while the gate holds the work, so that what is stored is all that is left.</summary>
    private static async Task StopAsync(TestSilo silo, string gallery, ReembeddingPhase phase)
    {
        Task restart = silo.RestartAsync();
        silo.Gate.Release(gallery, phase);
        await restart;
    }
}
