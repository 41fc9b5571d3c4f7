using FaceSearch.Grains.Shards;
using FaceSearch.Storage;

namespace FaceSearch.Grains.Tests.Shards;

public sealed class ShardTests
{
    [Fact]
    public async Task An_enrolled_identity_is_found_by_the_very_next_search()
    {
        await using ShardFixture fixture = new();
        await using Shard shard = await fixture.OpenAsync();
        for (int person = 0; person < 50; person++)
        {
            (await shard.CommitAsync(Faces.Enrolment(person))).Status.ShouldBe(CommitStatus.Applied);
            Best(shard, person).Identity.ShouldBe(Faces.Name(person));
        }
    }

    [Fact]
    public async Task Candidates_are_identities_not_templates()
    {
        await using ShardFixture fixture = new();
        await using Shard shard = await fixture.OpenAsync();
        for (int sample = 0; sample < 40; sample++)
            await shard.CommitAsync(Faces.Enrolment(1, sample: sample));
        await shard.CommitAsync(Faces.Enrolment(2));
        await shard.CommitAsync(Faces.Enrolment(3));
        List<Candidate> candidates = shard.Search(Query(1, top: 3)).Finding.Candidates;
        candidates.Select(c => c.Identity).ShouldBe([Faces.Name(1), .. candidates.Skip(1).Select(c => c.Identity)]);
        candidates.Select(c => c.Identity).Order().ShouldBe([Faces.Name(1), Faces.Name(2), Faces.Name(3)]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_reopened_shard_answers_as_before(bool snapshot)
    {
        await using ShardFixture fixture = new();
        List<List<Candidate>> before;
        await using (Shard shard = await fixture.OpenAsync())
        {
            for (int person = 0; person < 60; person++)
                await shard.CommitAsync(Faces.Enrolment(person, metadata: new() { ["site"] = person % 2 == 0 ? "north" : "south" }));
            if (snapshot)
                await shard.Maintenance.SnapshotAsync();
            for (int person = 60; person < 80; person++)
                await shard.CommitAsync(Faces.Enrolment(person));
            for (int person = 0; person < 80; person += 7)
                await shard.EraseAsync(Faces.Erasure(person));
            await shard.CommitAsync(Faces.Enrolment(7, operation: "back-again", sample: 3));
            before = Answers(shard);
        }
        await using Shard reopened = await fixture.OpenAsync();
        reopened.Notice.ShouldBeNull();
        Answers(reopened).ShouldBeEquivalentTo(before);
    }

    [Fact]
    public async Task A_crash_after_the_snapshot_loses_nothing_that_was_acknowledged()
    {
        await using ShardFixture fixture = new();
        await using Shard abandoned = await fixture.OpenAsync();
        for (int person = 0; person < 30; person++)
            await abandoned.CommitAsync(Faces.Enrolment(person));
        await abandoned.Maintenance.SnapshotAsync();
        await abandoned.CommitAsync(Faces.Enrolment(30));
        await using Shard shard = await fixture.OpenAsync();
        shard.Directory.Identities.ShouldBe(31);
        Best(shard, 30).Identity.ShouldBe(Faces.Name(30));
        await Should.ThrowAsync<EpochFencedException>(() => abandoned.CommitAsync(Faces.Enrolment(31)));
    }

    [Fact]
    public async Task A_damaged_snapshot_falls_back_to_the_older_one_and_says_so()
    {
        await using ShardFixture fixture = new();
        await using (Shard shard = await fixture.OpenAsync())
        {
            for (int person = 0; person < 40; person++)
            {
                await shard.CommitAsync(Faces.Enrolment(person));
                if (person is 10 or 25)
                    await shard.Maintenance.SnapshotAsync();
            }
        }
        string newest = (await fixture.Snapshots.ListAsync(fixture.Id, TestContext.Current.CancellationToken))[0].Name;
        string victim = Directory.EnumerateFiles(fixture.Folder.Root, ShardMaintenance.IndexFile, SearchOption.AllDirectories).First(f => f.Contains(newest, StringComparison.Ordinal));
        byte[] content = await File.ReadAllBytesAsync(victim, TestContext.Current.CancellationToken);
        content[content.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(victim, content, TestContext.Current.CancellationToken);
        await using Shard reopened = await fixture.OpenAsync();
        reopened.Notice.ShouldNotBeNull().ShouldContain(newest);
        reopened.Maintenance.SnapshotLsn.ShouldBeGreaterThan(0);
        reopened.Directory.Identities.ShouldBe(40);
        for (int person = 0; person < 40; person++)
            Best(reopened, person).Identity.ShouldBe(Faces.Name(person));
    }

    [Fact]
    public async Task An_erased_template_is_in_no_file_when_the_erasure_returns()
    {
        await using ShardFixture fixture = new();
        await using Shard shard = await fixture.OpenAsync();
        for (int person = 0; person < 20; person++)
            await shard.CommitAsync(Faces.Enrolment(person));
        await shard.Maintenance.SnapshotAsync();
        await shard.CommitAsync(Faces.Enrolment(5, sample: 1));
        await shard.Maintenance.SnapshotAsync();
        fixture.Folder.FilesContaining(Faces.Of(5).Bytes).ShouldNotBeEmpty();
        ShardErasure erasure = await shard.EraseAsync(Faces.Erasure(5));
        erasure.Templates.ShouldBe(2);
        erasure.SnapshotsRewritten.ShouldBe(2);
        fixture.Folder.FilesContaining(Faces.Of(5).Bytes).ShouldBeEmpty();
        fixture.Folder.FilesContaining(Faces.Of(5, 1).Bytes).ShouldBeEmpty();
        fixture.Folder.FilesContaining(System.Text.Encoding.UTF8.GetBytes(Faces.Name(5))).ShouldBeEmpty();
        shard.Search(Query(5, top: 20)).Finding.Candidates.ShouldAllBe(c => c.Identity != Faces.Name(5));
        fixture.Events.All.Count(e => e.Kind == OutboxKind.Erased).ShouldBe(1);
    }

    [Fact]
    public async Task Enrolling_erasing_and_searching_at_once_never_shows_an_erased_identity()
    {
        await using ShardFixture fixture = new();
        await using Shard shard = await fixture.OpenAsync();
        int[] erasedThrough = [-1];
        using CancellationTokenSource done = new();
        Task searching = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
            {
                int gone = Volatile.Read(ref erasedThrough[0]);
                if (gone < 0)
                    continue;
                foreach (Candidate candidate in shard.Search(Query(gone, top: 5)).Finding.Candidates)
                    candidate.Identity.ShouldNotBe(Faces.Name(gone));
            }
        }, TestContext.Current.CancellationToken);
        for (int person = 0; person < 60; person++)
        {
            await Task.WhenAll(shard.CommitAsync(Faces.Enrolment(person)), shard.CommitAsync(Faces.Enrolment(1000 + person)));
            if (person < 10)
                continue;
            await shard.EraseAsync(Faces.Erasure(person - 10));
            Volatile.Write(ref erasedThrough[0], person - 10);
        }
        await done.CancelAsync();
        await searching;
        shard.Directory.Identities.ShouldBe(70);
        shard.Index.Count.ShouldBe(70);
    }

    [Fact]
    public async Task A_filter_lets_only_matching_identities_through()
    {
        await using ShardFixture fixture = new();
        await using Shard shard = await fixture.OpenAsync();
        for (int person = 0; person < 40; person++)
            await shard.CommitAsync(Faces.Enrolment(person, metadata: new() { ["site"] = person % 4 == 0 ? "north" : "south", ["shift"] = person % 2 == 0 ? "day" : "night" }));
        Dictionary<string, string[]> filter = new() { ["site"] = ["north"], ["shift"] = ["day", "night"] };
        List<Candidate> candidates = shard.Search(Query(1, top: 20) with { Filter = filter }).Finding.Candidates;
        candidates.Count.ShouldBe(10);
        candidates.ShouldAllBe(c => c.Metadata["site"] == "north");
        shard.Search(Query(1) with { Filter = new Dictionary<string, string[]> { ["site"] = ["west"] } }).Finding.Candidates.ShouldBeEmpty();
    }

    private static ShardQuery Query(int person, int top = 1) => new(Faces.Of(person, 99), top, null, DateTimeOffset.MaxValue);

    private static Candidate Best(Shard shard, int person) => shard.Search(Query(person)).Finding.Candidates[0];

    private static List<List<Candidate>> Answers(Shard shard) =>
        [.. Enumerable.Range(0, 80).Select(person => shard.Search(Query(person, top: 3)).Finding.Candidates)];
}
