namespace FaceSearch.Grains.Tests.Cluster;

public sealed class GalleryTests(TestSilo silo) : IClassFixture<TestSilo>
{
    [Fact]
    public async Task Who_is_this_is_answered_with_the_person_and_a_stranger_is_unknown()
    {
        await silo.Gallery("staff").CreateAsync(new GallerySettings());
        for (int person = 0; person < 150; person++)
            await silo.EnrolAsync("staff", person);
        await silo.Gallery("staff").CalibrateAsync();
        for (int person = 0; person < 150; person += 10)
        {
            IdentifyOutcome outcome = await silo.IdentifyAsync("staff", person);
            outcome.Decision.ShouldBe(Decision.Match, $"{outcome.Candidates[0]} {outcome.Candidates[1]} {outcome.Threshold}");
            outcome.Candidates[0].Identity.ShouldBe(Faces.Name(person));
            outcome.Candidates.Count.ShouldBe(3);
            outcome.ShardsAnswered.ShouldBe(1);
            outcome.ShardsTotal.ShouldBe(1);
            outcome.Threshold.Source.ShouldBe("calibrated");
        }
        int matches = 0;
        for (int stranger = 10_000; stranger < 10_100; stranger++)
            matches += (await silo.IdentifyAsync("staff", stranger)).Decision == Decision.Unknown ? 0 : 1;
        matches.ShouldBeLessThanOrEqualTo(5);
    }

    [Fact]
    public async Task The_same_operation_is_applied_once_and_another_content_under_its_id_is_refused()
    {
        await silo.Gallery("once").CreateAsync(new GallerySettings());
        EnrolOutcome first = await silo.EnrolAsync("once", 1, operation: "op-1");
        EnrolOutcome again = await silo.EnrolAsync("once", 1, operation: "op-1");
        first.Status.ShouldBe(EnrolStatus.Enrolled);
        again.Status.ShouldBe(EnrolStatus.Replayed);
        again.Templates.ShouldBe(first.Templates);
        (await silo.Gallery("once").DescribeAsync()).Templates.ShouldBe(1);
        FaceSearchException refused = await Should.ThrowAsync<FaceSearchException>(() => silo.EnrolAsync("once", 1, sample: 5, operation: "op-1"));
        refused.Type.ShouldBe(ProblemTypes.OperationReused);
    }

    [Fact]
    public async Task An_erased_identity_is_not_brought_back_by_a_retry_of_its_enrolment()
    {
        await silo.Gallery("gone").CreateAsync(new GallerySettings());
        await silo.EnrolAsync("gone", 1, operation: "op-1");
        ErasureReceipt receipt = await silo.Identity("gone", 1).EraseAsync("erase-1");
        receipt.TemplatesErased.ShouldBe(1);
        (await silo.Identity("gone", 1).EraseAsync("erase-1")).TemplatesErased.ShouldBe(1);
        (await Should.ThrowAsync<FaceSearchException>(() => silo.EnrolAsync("gone", 1, operation: "op-1"))).Type.ShouldBe(ProblemTypes.OperationSuperseded);
        (await silo.IdentifyAsync("gone", 1)).Candidates.ShouldBeEmpty();
        silo.Folder.FilesContaining(Faces.Of(1).Bytes).ShouldNotContain(f => f.Contains("gone", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_near_duplicate_and_a_face_that_looks_like_somebody_else_are_conflicts_unless_allowed()
    {
        await silo.Gallery("conflicts").CreateAsync(new GallerySettings());
        for (int person = 0; person < 30; person++)
            await silo.EnrolAsync("conflicts", person);
        EnrolOutcome duplicate = await silo.EnrolAsync("conflicts", 3, operation: "dup", onConflict: ConflictPolicy.Report);
        duplicate.Status.ShouldBe(EnrolStatus.Conflict);
        duplicate.Conflicts.ShouldHaveSingleItem().Kind.ShouldBe(ConflictKind.NearDuplicate);
        EnrolOutcome twin = await silo.Identity("conflicts", 777).EnrolAsync(
            new EnrolCommand("twin", 1, [new NewTemplate(Faces.Of(4, 9), TemplateQuality.Unknown)], null, ConflictPolicy.Report));
        twin.Conflicts.ShouldHaveSingleItem().Identity.ShouldBe(Faces.Name(4));
        twin.Conflicts[0].Kind.ShouldBe(ConflictKind.LooksLikeExisting);
        (await silo.EnrolAsync("conflicts", 3, operation: "dup-2")).Status.ShouldBe(EnrolStatus.Enrolled);
        (await silo.EnrolAsync("conflicts", 3, operation: "dup-2", onConflict: ConflictPolicy.Report)).Status.ShouldBe(EnrolStatus.Replayed);
    }

    [Fact]
    public async Task Metadata_and_templates_change_together_and_a_stale_version_is_refused()
    {
        await silo.Gallery("meta").CreateAsync(new GallerySettings());
        await silo.EnrolAsync("meta", 1, metadata: new() { ["team"] = "red" });
        await silo.EnrolAsync("meta", 1, sample: 2, metadata: new() { ["team"] = "blue" });
        IdentityDescription identity = await silo.Identity("meta", 1).GetAsync();
        identity.Metadata["team"].ShouldBe("blue");
        identity.Templates.Count.ShouldBe(2);
        identity.Version.ShouldBe(2);
        IdentityDescription changed = await silo.Identity("meta", 1).UpdateMetadataAsync("m-1", new Dictionary<string, string> { ["team"] = "green" }, 2);
        changed.Version.ShouldBe(3);
        (await Should.ThrowAsync<FaceSearchException>(() => silo.Identity("meta", 1).UpdateMetadataAsync("m-2", new Dictionary<string, string>(), 2))).Type.ShouldBe(ProblemTypes.VersionConflict);
        ErasureReceipt removed = await silo.Identity("meta", 1).RemoveTemplateAsync("r-1", identity.Templates[0].Id);
        removed.TemplatesErased.ShouldBe(1);
        (await silo.Identity("meta", 1).GetAsync()).Templates.ShouldHaveSingleItem().Id.ShouldBe(identity.Templates[1].Id);
    }

    [Fact]
    public async Task A_full_shard_makes_room_in_a_new_one_and_everybody_is_still_found()
    {
        await silo.Gallery("growing").CreateAsync(new GallerySettings { MaxTemplatesPerShard = 1000, Shards = 2 });
        await Task.WhenAll(Enumerable.Range(0, 2600).Select(person => silo.EnrolAsync("growing", person)));
        // The shard reports that it is full without holding up the enrolment that filled it.
        await Until.TrueAsync(async () => (await silo.Gallery("growing").DescribeAsync()).Shards.Count == 4);
        await Task.WhenAll(Enumerable.Range(2600, 200).Select(person => silo.EnrolAsync("growing", person)));
        GalleryDescription gallery = await silo.Gallery("growing").DescribeAsync();
        gallery.Identities.ShouldBe(2800);
        gallery.Shards.Skip(2).Sum(s => s.Identities).ShouldBeGreaterThan(0);
        foreach (int person in new[] { 0, 1, 500, 2599, 2600, 2799 })
            (await silo.IdentifyAsync("growing", person)).Candidates[0].Identity.ShouldBe(Faces.Name(person));
        (await silo.EnrolAsync("growing", 5, operation: "enrol-5-0")).Status.ShouldBe(EnrolStatus.Replayed);
        (await silo.EnrolAsync("growing", 5, sample: 1)).Version.ShouldBe(2);
        (await silo.Identity("growing", 5).EraseAsync("e-5")).TemplatesErased.ShouldBe(2);
        (await Should.ThrowAsync<FaceSearchException>(() => silo.EnrolAsync("growing", 5, operation: "enrol-5-0"))).Type.ShouldBe(ProblemTypes.OperationSuperseded);
        IdentityPage page = await silo.Gallery("growing").ListIdentitiesAsync(null, 1000);
        page.Items.Select(i => i.Id).ShouldBe(page.Items.Select(i => i.Id).Order(StringComparer.Ordinal));
        page.Items.Count.ShouldBe(1000);
        page.Next.ShouldBe(page.Items[^1].Id);
    }

    [Fact]
    public async Task A_deleted_gallery_is_gone_from_disk_and_its_name_can_be_used_again()
    {
        await silo.Gallery("temporary").CreateAsync(new GallerySettings());
        await silo.EnrolAsync("temporary", 1);
        await silo.IdentifyAsync("temporary", 1);
        await silo.Gallery("temporary").DeleteAsync();
        (await Should.ThrowAsync<FaceSearchException>(() => silo.IdentifyAsync("temporary", 1))).Type.ShouldBe(ProblemTypes.GalleryNotFound);
        (await Should.ThrowAsync<FaceSearchException>(() => silo.EnrolAsync("temporary", 2))).Type.ShouldBe(ProblemTypes.GalleryNotFound);
        Directory.EnumerateFileSystemEntries(silo.Folder.Root, "*temporary*", SearchOption.AllDirectories).ShouldBeEmpty();
        await silo.Gallery("temporary").CreateAsync(new GallerySettings());
        (await silo.IdentifyAsync("temporary", 1)).Candidates.ShouldBeEmpty();
        (await silo.EnrolAsync("temporary", 1)).Status.ShouldBe(EnrolStatus.Enrolled);
    }

    [Fact]
    public async Task A_wrong_generation_is_refused()
    {
        await silo.Gallery("generations").CreateAsync(new GallerySettings());
        EnrolCommand command = new("g-1", 2, [new NewTemplate(Faces.Of(1), TemplateQuality.Unknown)], null, ConflictPolicy.Allow);
        (await Should.ThrowAsync<FaceSearchException>(() => silo.Identity("generations", 1).EnrolAsync(command))).Type.ShouldBe(ProblemTypes.GenerationMismatch);
    }

    [Fact]
    public async Task Enrolments_and_erasures_are_published_once_committed()
    {
        await silo.Gallery("events").CreateAsync(new GallerySettings());
        await silo.EnrolAsync("events", 9041);
        await silo.Identity("events", 9041).EraseAsync("erase-41");
        await Until.TrueAsync(() => Task.FromResult(silo.Events.All.Count(e => e.Identity == Faces.Name(9041)) == 2));
    }
}
