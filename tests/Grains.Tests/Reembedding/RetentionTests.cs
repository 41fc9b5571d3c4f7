using FaceSearch.Grains.Tests.Cluster;
using FaceSearch.Storage;

namespace FaceSearch.Grains.Tests.Reembedding;

/// <summary>Images of enrolled faces: kept where the gallery says so, and gone with their template.</summary>
public sealed class RetentionTests(TestSilo silo) : IClassFixture<TestSilo>
{
    [Fact]
    public async Task Retained_faces_are_read_page_by_page_with_their_metadata()
    {
        Moving staff = new(silo, "pages");
        await staff.CreateAsync(people: 25);
        await staff.EnrolAsync(30, withCrop: false);
        List<RetainedFace> faces = [];
        int identities = 0;
        string? after = null;
        do
        {
            RetainedFacePage page = await silo.Grains.GetGrain<IRetainedFacesGrain>("pages").ReadAsync(after, 10);
            faces.AddRange(page.Faces);
            identities += page.Metadata.Count;
            page.Metadata.ShouldAllBe(m => m.Value["site"].StartsWith('s'));
            after = page.Next;
        }
        while (after is not null);
        identities.ShouldBe(26);
        faces.Select(f => f.Identity).ShouldBe(Enumerable.Range(0, 25).Select(Faces.Name));
        for (int person = 0; person < 25; person++)
            (faces[person].Crop.Rgb.SequenceEqual(TestModels.Crop(person, 0).Rgb), faces[person].AlignedFor).ShouldBe((true, TestModels.First));
    }

    [Fact]
    public async Task A_gallery_without_retention_keeps_no_image_although_it_was_sent()
    {
        await new Moving(silo, "without").CreateAsync(people: 5, Retention.None);
        Directory.Exists(Path.Combine(silo.Folder.Root, "crops", "without")).ShouldBeFalse();
    }

    [Fact]
    public async Task An_erased_person_and_a_removed_template_leave_no_image()
    {
        Moving staff = new(silo, "erased");
        await staff.CreateAsync(people: 6);
        EnrolOutcome second = await staff.EnrolAsync(2, sample: 1);
        await staff.Identity(2).RemoveTemplateAsync("remove", second.Templates[0]);
        await staff.Identity(4).EraseAsync("erase");
        RetainedFacePage page = await silo.Grains.GetGrain<IRetainedFacesGrain>("erased").ReadAsync(null, 100);
        page.Faces.Select(f => f.Identity).ShouldBe(new[] { 0, 1, 2, 3, 5 }.Select(Faces.Name));
        await staff.EnrolAsync(4, sample: 7);
        (await silo.Grains.GetGrain<IRetainedFacesGrain>("erased").ReadAsync(null, 100)).Faces.Count.ShouldBe(6);
    }

    [Fact]
    public async Task A_retry_stores_the_image_that_a_crash_kept_from_being_stored()
    {
        Moving staff = new(silo, "healed");
        await staff.CreateAsync(people: 1);
        EnrolOutcome without = await staff.EnrolAsync(5, operation: "op", withCrop: false);
        EnrolOutcome again = await staff.EnrolAsync(5, operation: "op");
        (again.Status, again.Templates[0]).ShouldBe((EnrolStatus.Replayed, without.Templates[0]));
        (await silo.Grains.GetGrain<IRetainedFacesGrain>("healed").ReadAsync(null, 100)).Faces.ShouldContain(f => f.Template == without.Templates[0]);
    }

    [Fact]
    public async Task An_erasure_that_a_crash_cut_short_takes_the_image_at_the_next_opening()
    {
        await using Shards.ShardFixture fixture = new();
        StubCrops crops = new();
        await using (Grains.Shards.Shard shard = await fixture.OpenAsync(crops: crops))
        {
            await shard.CommitAsync(Faces.Enrolment(1));
            await shard.CommitAsync(Faces.Erasure(1));
        }
        crops.Erased.ShouldBeEmpty("only the log knows of the erasure");
        await using Grains.Shards.Shard reopened = await fixture.OpenAsync(crops: crops);
        await Until.TrueAsync(() => Task.FromResult(crops.Erased.Count == 1), () => $"{crops.Erased.Count} {reopened.Log.Head} {fixture.Events.All.Count}");
        await Until.TrueAsync(() => Task.FromResult(fixture.Events.All.Any(e => e.Kind == OutboxKind.Erased)));
    }

    [Fact]
    public async Task A_snapshot_between_a_removal_and_its_completion_does_not_lose_the_image_s_end()
    {
        await using Shards.ShardFixture fixture = new();
        StubCrops crops = new();
        await using Grains.Shards.Shard shard = await fixture.OpenAsync(crops: crops);
        await shard.CommitAsync(Faces.Enrolment(1));
        await shard.CommitAsync(Faces.Erasure(1));
        await shard.Maintenance.SnapshotAsync();
        crops.Erased.Count.ShouldBe(1);
    }

    /// <summary>Remembers what it was told to erase.</summary>
    private sealed class StubCrops : ICropStore
    {
        public List<TemplateId> Erased { get; } = [];

        public ValueTask PutAsync(string gallery, string identity, IReadOnlyList<RetainedImage> images, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public ValueTask<RetainedImages> ReadAsync(string gallery, IReadOnlyList<TemplateId> templates, ImageKind kind, CancellationToken cancellationToken) => new(new RetainedImages([], []));

        public ValueTask<IReadOnlyList<TemplateId>> HavingAsync(string gallery, IReadOnlyList<TemplateId> templates, ImageKind kind, CancellationToken cancellationToken) => new((IReadOnlyList<TemplateId>)[]);

        public ValueTask<int> EraseAsync(string gallery, IReadOnlyList<TemplateId> templates, CancellationToken cancellationToken)
        {
            Erased.AddRange(templates);
            return new(templates.Count);
        }

        public ValueTask DeleteGalleryAsync(string gallery, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }
}
