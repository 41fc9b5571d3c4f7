using FaceSearch.Grains.Tests.Cluster;

namespace FaceSearch.Grains.Tests.Reembedding;

/// <summary>A gallery moves to another model, phase by phase, in a real silo.</summary>
public sealed class ReembeddingTests(TestSilo silo) : IClassFixture<TestSilo>
{
    [Fact]
    public async Task A_gallery_moves_to_another_model_and_keeps_ids_names_and_versions()
    {
        Moving staff = new(silo, "move");
        await staff.CreateAsync(people: 60);
        await staff.EnrolAsync(7, sample: 1);
        var before = await staff.ContentAsync(1);

        ReembeddingStatus status = await staff.MoveAsync();

        (status.Total, status.Moved, status.Copied, status.WithoutImage, status.Failed).ShouldBe((61, 61, 0, 0, 0));
        (status.OldModel, status.OldGeneration, status.NewModel, status.NewGeneration).ShouldBe((TestModels.First, 1, TestModels.Second, 2));
        status.Verification.ShouldNotBeNull();
        (status.Verification.Identities, status.Verification.Templates, status.Verification.SelfMatch, status.Verification.Agreement).ShouldBe((60, 61, 1, 1));
        (await silo.Gallery("move").GetModelAsync()).ShouldBe(new GalleryModel(TestModels.Second, 2, Retention.Crop));
        (await staff.ContentAsync(2)).ShouldBe(before);
        for (int person = 0; person < 60; person += 7)
        {
            IdentifyOutcome now = await staff.IdentifyAsync(person, TestModels.Second, 2), pinned = await staff.IdentifyAsync(person, TestModels.First, 1);
            (now.Candidates[0].Identity, now.Generation, now.Model, now.Candidates[0].Generation).ShouldBe((Faces.Name(person), 2, TestModels.Second, 2));
            (pinned.Candidates[0].Identity, pinned.Generation, pinned.Model, pinned.Candidates[0].Generation).ShouldBe((Faces.Name(person), 1, TestModels.First, 1));
        }
        silo.Gate.Activated.ShouldContain(a => a.Gallery == "move" && a.Model == TestModels.Second && a.Previous == TestModels.First);
        silo.Gate.Progress.Where(p => p.Gallery == "move").Select(p => p.Phase).Distinct()
            .ShouldBe(["Preparing", "Backfilling", "CatchingUp", "Verifying", "Active"]);
    }

    [Fact]
    public async Task What_happens_while_it_moves_is_in_both_generations()
    {
        Moving staff = new(silo, "during");
        await staff.CreateAsync(people: 40);
        silo.Gate.HoldAt("during", ReembeddingPhase.Backfilling);
        await staff.Grain.StartAsync(new ReembeddingRequest(TestModels.Second));
        await silo.Gate.ReachedAsync("during", ReembeddingPhase.Backfilling);

        await staff.EnrolAsync(100);
        await staff.EnrolAsync(3, sample: 1);
        await staff.Identity(4).UpdateMetadataAsync("rename-4", new Dictionary<string, string> { ["site"] = "elsewhere" }, null);
        await staff.Identity(5).EraseAsync("erase-5");
        EnrolOutcome six = await staff.EnrolAsync(6, sample: 1);
        await staff.Identity(6).RemoveTemplateAsync("remove-6", six.Templates[0]);
        (await staff.ContentAsync(2)).Keys.ToArray().ShouldBe([Faces.Name(3), Faces.Name(4), Faces.Name(6), Faces.Name(100)]);
        silo.Gate.Release("during", ReembeddingPhase.Backfilling);
        ReembeddingStatus status = await staff.UntilAsync(ReembeddingPhase.Active);

        await staff.BothAreTheSameAsync();
        (status.Verification!.Identities, status.Verification.Templates).ShouldBe((40, 41));
        await staff.EnrolAsync(101);
        await staff.Identity(8).EraseAsync("erase-8");
        await staff.BothAreTheSameAsync();
        (await staff.ContentAsync(1)).ShouldNotContainKey(Faces.Name(8));
        (await staff.IdentifyAsync(101, TestModels.First, 1)).Candidates[0].Identity.ShouldBe(Faces.Name(101));
        (await staff.IdentifyAsync(5, TestModels.Second, 2)).Candidates.ShouldNotContain(c => c.Identity == Faces.Name(5));
    }

    [Fact]
    public async Task A_request_that_pinned_the_old_generation_enrols_into_both()
    {
        Moving staff = new(silo, "pinned");
        await staff.CreateAsync(people: 20);
        await staff.MoveAsync();
        (await staff.EnrolAsync(50, generation: 1, model: TestModels.First)).Status.ShouldBe(EnrolStatus.Enrolled);
        await staff.BothAreTheSameAsync();
        (await staff.IdentifyAsync(50, TestModels.Second, 2)).Candidates[0].Identity.ShouldBe(Faces.Name(50));
        (await Should.ThrowAsync<FaceSearchException>(() => staff.EnrolAsync(51, generation: 1, model: TestModels.First, withCrop: false))).Type.ShouldBe(ProblemTypes.GenerationMismatch);
        (await Should.ThrowAsync<FaceSearchException>(() => staff.EnrolAsync(51, generation: 3))).Type.ShouldBe(ProblemTypes.GenerationMismatch);
        (await Should.ThrowAsync<FaceSearchException>(() => staff.IdentifyAsync(1, TestModels.Second, 3))).Type.ShouldBe(ProblemTypes.GenerationMismatch);
    }

    [Fact]
    public async Task A_late_retry_of_an_enrolment_from_before_is_recognised_after_the_switch()
    {
        Moving staff = new(silo, "retry");
        await staff.CreateAsync(people: 10);
        EnrolOutcome first = await staff.EnrolAsync(3);
        first.Status.ShouldBe(EnrolStatus.Replayed);
        await staff.Identity(4).EraseAsync("erase-4");
        await staff.MoveAsync();
        EnrolOutcome late = await staff.EnrolAsync(3);
        (late.Status, late.Version).ShouldBe((EnrolStatus.Replayed, first.Version));
        late.Templates.ShouldBe(first.Templates);
        (await Should.ThrowAsync<FaceSearchException>(() => staff.EnrolAsync(4))).Type.ShouldBe(ProblemTypes.OperationSuperseded);
        await staff.BothAreTheSameAsync();
    }

    [Fact]
    public async Task A_switch_while_the_broker_is_down_is_told_of_when_it_is_back()
    {
        Moving staff = new(silo, "untold");
        await staff.CreateAsync(people: 10);
        silo.Events.Down = true;
        try
        {
            await staff.MoveAsync();
            silo.Gate.Activated.ShouldNotContain(a => a.Gallery == "untold");
        }
        finally
        {
            silo.Events.Down = false;
        }
        await staff.Grain.ResumeAsync();
        await staff.Grain.ResumeAsync();
        silo.Gate.Activated.Single(a => a.Gallery == "untold").Model.ShouldBe(TestModels.Second);
    }

    [Fact]
    public async Task A_rollback_answers_with_the_old_model_at_once_and_nothing_enrolled_since_is_lost()
    {
        Moving staff = new(silo, "back");
        await staff.CreateAsync(people: 30);
        await staff.MoveAsync();
        await staff.EnrolAsync(60);
        await staff.Identity(2).EraseAsync("erase-2");

        ReembeddingStatus status = await staff.Grain.RollbackAsync();

        status.Phase.ShouldBe(ReembeddingPhase.Retiring);
        (await silo.Gallery("back").GetModelAsync()).ShouldBe(new GalleryModel(TestModels.First, 1, Retention.Crop));
        (await staff.IdentifyAsync(60, TestModels.First, 1)).Candidates[0].Identity.ShouldBe(Faces.Name(60));
        (await staff.UntilAsync(ReembeddingPhase.RolledBack)).NewGeneration.ShouldBe(2);
        (await staff.ViewAsync()).Other.ShouldBeNull();
        (await staff.ContentAsync(1)).Count.ShouldBe(30);
        Directory.Exists(Path.Combine(silo.Folder.Root, "galleries", "back", "g2")).ShouldBeFalse();
        silo.Gate.Activated.ShouldContain(a => a.Gallery == "back" && a.Model == TestModels.First && a.Previous == TestModels.Second);

        (await staff.MoveAsync()).NewGeneration.ShouldBe(3, "a generation's number is never used again");
    }

    [Fact]
    public async Task Retiring_erases_the_old_generation_and_its_files()
    {
        Moving staff = new(silo, "retire");
        await staff.CreateAsync(people: 15);
        await staff.MoveAsync();
        await staff.Grain.RetireAsync();
        ReembeddingStatus done = await staff.UntilAsync(ReembeddingPhase.Done);

        done.RetireAt.ShouldBeNull();
        Directory.Exists(Path.Combine(silo.Folder.Root, "galleries", "retire", "g1")).ShouldBeFalse();
        (await Should.ThrowAsync<FaceSearchException>(() => staff.IdentifyAsync(1, TestModels.First, 1))).Type.ShouldBe(ProblemTypes.GenerationMismatch);
        (await staff.EnrolAsync(70)).Status.ShouldBe(EnrolStatus.Enrolled);
        (await Should.ThrowAsync<FaceSearchException>(() => staff.Grain.RollbackAsync())).Type.ShouldBe(ProblemTypes.ReembeddingNotFound);
        (await staff.MoveAsync(TestModels.First)).OldModel.ShouldBe(TestModels.Second);
    }

    [Fact]
    public async Task Cancelling_leaves_the_gallery_as_it_was()
    {
        Moving staff = new(silo, "cancel");
        await staff.CreateAsync(people: 15);
        silo.Gate.HoldAt("cancel", ReembeddingPhase.CatchingUp);
        await staff.Grain.StartAsync(new ReembeddingRequest(TestModels.Second));
        await silo.Gate.ReachedAsync("cancel", ReembeddingPhase.CatchingUp);
        (await Should.ThrowAsync<FaceSearchException>(() => staff.Grain.StartAsync(new ReembeddingRequest(TestModels.Fussy)))).Type.ShouldBe(ProblemTypes.ReembeddingRunning);
        Task<ReembeddingStatus> cancelling = staff.Grain.CancelAsync();
        silo.Gate.Release("cancel", ReembeddingPhase.CatchingUp);
        await cancelling;
        await staff.UntilAsync(ReembeddingPhase.Cancelled);
        (await staff.ViewAsync()).Other.ShouldBeNull();
        (await staff.IdentifyAsync(3, TestModels.First, 1)).Candidates[0].Identity.ShouldBe(Faces.Name(3));
        Directory.Exists(Path.Combine(silo.Folder.Root, "galleries", "cancel", "g2")).ShouldBeFalse();
    }

    [Fact]
    public async Task Too_many_faces_that_the_new_model_does_not_take_are_a_refusal_and_more_may_be_allowed()
    {
        Moving staff = new(silo, "fussy");
        await staff.CreateAsync(people: 50);
        await staff.Grain.StartAsync(new ReembeddingRequest(TestModels.Fussy));
        ReembeddingStatus refused = await staff.UntilAsync(ReembeddingPhase.Refused);
        refused.Reason!.ShouldContain("could not be embedded");
        (await staff.ViewAsync()).Generation.ShouldBe(1);

        ReembeddingStatus moved = await staff.MoveAsync(TestModels.Fussy, maxMissing: 0.2);
        (moved.Failed, moved.Moved, moved.Total).ShouldBe((5, 45, 50));
        MissingTemplatePage missing = await staff.Grain.ListMissingAsync(null, 100);
        missing.Items.Select(m => (m.Identity, m.Why)).ShouldBe(Enumerable.Range(0, 5).Select(i => (Faces.Name(10 * i), "failed")));
        (await staff.ContentAsync(3)).Count.ShouldBe(50, "people whose template cannot be moved keep their name");
        await staff.EnrolAsync(10, sample: 3, generation: 3, model: TestModels.Second);
    }

    [Fact]
    public async Task A_model_that_confuses_people_does_not_get_to_answer()
    {
        Moving staff = new(silo, "confused");
        await staff.CreateAsync(people: 40);
        await staff.Grain.StartAsync(new ReembeddingRequest(TestModels.Confused));
        // Stored templates find themselves, and a face embedded again is the same face: nothing is refused here but by what a person sees.
        ReembeddingStatus status = await staff.UntilAsync(ReembeddingPhase.Active);
        status.Verification!.NewThreshold.ShouldBeGreaterThan(status.Verification.OldThreshold + 0.2f, "the same FPIR asks for a far higher score of such a model");
    }

    [Fact]
    public async Task What_cannot_be_done_is_said()
    {
        Moving external = new(silo, "external");
        await TestModels.RegisterAsync(silo.Grains);
        await silo.Gallery("external").CreateAsync(new GallerySettings { Model = "external" });
        await RefusedAsync(external, TestModels.Second, ProblemTypes.ReembeddingImpossible, "callers' own");
        Moving none = new(silo, "none");
        await none.CreateAsync(people: 3, Retention.None);
        await RefusedAsync(none, TestModels.Second, ProblemTypes.ReembeddingImpossible, "keeps no images");
        await RefusedAsync(none, TestModels.First, ProblemTypes.ReembeddingImpossible, "already");
        await RefusedAsync(none, "unheard-of", ProblemTypes.ModelNotFound, "unheard-of");
        await RefusedAsync(new Moving(silo, "nowhere"), TestModels.Second, ProblemTypes.GalleryNotFound, "nowhere");
        (await silo.Gallery("none").DescribeAsync()).Impossible!.Count.ShouldBe(2);
        (await Should.ThrowAsync<FaceSearchException>(() => silo.Grains.GetGrain<IRetainedFacesGrain>("none").ReadAsync(null, 10))).Type.ShouldBe(ProblemTypes.RetentionNone);
        (await Should.ThrowAsync<FaceSearchException>(() => silo.Gallery("bad").CreateAsync(new GallerySettings { Model = "external", Retention = Retention.Crop }))).Type.ShouldBe(ProblemTypes.InvalidRequest);
        (await Should.ThrowAsync<FaceSearchException>(() => silo.Gallery("none").UpdateAsync(new GallerySettings { Retention = Retention.Crop }))).Type.ShouldBe(ProblemTypes.InvalidRequest);
        (await none.Grain.GetAsync()).ShouldBeNull();
    }

    [Fact]
    public async Task Without_images_a_gallery_moves_to_a_compatible_model_with_the_vectors_it_has()
    {
        Moving staff = new(silo, "harmonic");
        await staff.CreateAsync(people: 25, Retention.None);
        ReembeddingStatus status = await staff.MoveAsync(TestModels.Compatible);
        (status.Compatible, status.Moved, status.Copied).ShouldBe((true, 25, 25));
        (await staff.EnrolAsync(40, generation: 1, model: TestModels.First, withCrop: false)).Status.ShouldBe(EnrolStatus.Enrolled);
        await staff.BothAreTheSameAsync();
        (await staff.IdentifyAsync(12, TestModels.Compatible, 2)).Candidates[0].Identity.ShouldBe(Faces.Name(12));
    }

    [Fact]
    public async Task A_fixed_threshold_becomes_the_score_of_the_same_false_positive_rate_and_comes_back_at_a_rollback()
    {
        Moving staff = new(silo, "fixed");
        await staff.CreateAsync(people: 60, settings: new GallerySettings { Threshold = new ThresholdPolicy(Score: 0.5f) });
        await silo.Gallery("fixed").CalibrateAsync();
        ReembeddingStatus status = await staff.MoveAsync();
        ThresholdInForce now = (await silo.Gallery("fixed").DescribeAsync()).Threshold;
        now.Threshold.ShouldBe(status.Verification!.NewThreshold);
        now.Source.ShouldBe("fixed");
        await staff.Grain.RollbackAsync();
        (await silo.Gallery("fixed").DescribeAsync()).Settings.Threshold.ShouldBe(new ThresholdPolicy(Score: 0.5f));
    }

    [Fact]
    public async Task A_published_successor_is_followed_once_by_the_galleries_of_its_parent_that_have_not_opted_out()
    {
        Moving follows = new(silo, "follows"), optedOut = new(silo, "opted-out"), cannot = new(silo, "cannot"), another = new(silo, "another");
        await follows.CreateAsync(people: 12);
        await optedOut.CreateAsync(people: 3, settings: new GallerySettings { AutoUpgrade = false });
        await cannot.CreateAsync(people: 3, Retention.None);
        await another.CreateAsync(people: 3, model: TestModels.Fussy);
        (await follows.Grain.OfferAsync("event-1", TestModels.Second, TestModels.First)).ShouldBeTrue();
        (await follows.Grain.OfferAsync("event-1", TestModels.Second, TestModels.First)).ShouldBeTrue();
        foreach (Moving other in (Moving[])[optedOut, cannot, another])
            (await other.Grain.OfferAsync("event-1", TestModels.Second, TestModels.First)).ShouldBeFalse();
        await follows.UntilAsync(ReembeddingPhase.Active);
        await follows.Grain.RollbackAsync();
        await follows.UntilAsync(ReembeddingPhase.RolledBack);
        (await follows.Grain.OfferAsync("event-1", TestModels.Second, TestModels.First)).ShouldBeFalse("an event that comes again does not undo the rollback");
        (await optedOut.Grain.GetAsync()).ShouldBeNull();
    }

    [Fact]
    public async Task Deleting_a_gallery_ends_its_move_and_takes_images_and_both_generations()
    {
        Moving staff = new(silo, "deleted");
        await staff.CreateAsync(people: 12);
        silo.Gate.HoldAt("deleted", ReembeddingPhase.Verifying);
        await staff.Grain.StartAsync(new ReembeddingRequest(TestModels.Second));
        await silo.Gate.ReachedAsync("deleted", ReembeddingPhase.Verifying);
        await silo.Gallery("deleted").DeleteAsync();
        silo.Gate.Release("deleted", ReembeddingPhase.Verifying);
        (await staff.Grain.GetAsync()).ShouldBeNull();
        Directory.Exists(Path.Combine(silo.Folder.Root, "crops", "deleted")).ShouldBeFalse();
        Directory.Exists(Path.Combine(silo.Folder.Root, "galleries", "deleted")).ShouldBeFalse();
        await staff.CreateAsync(people: 5);
        (await staff.MoveAsync()).Moved.ShouldBe(5);
    }

    private static async Task RefusedAsync(Moving gallery, string model, string type, string words)
    {
        FaceSearchException refused = await Should.ThrowAsync<FaceSearchException>(() => gallery.Grain.StartAsync(new ReembeddingRequest(model)));
        refused.Type.ShouldBe(type);
        refused.Message.ShouldContain(words);
    }
}
