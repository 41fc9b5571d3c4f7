using FaceSearch.Grains.Clustering;
using FaceSearch.Grains.Galleries;

namespace FaceSearch.Grains.Tests.Cluster;

/// <summary>The clustering job of a gallery in a real silo.</summary>
public sealed class ClusteringTests(TestSilo silo) : IClassFixture<TestSilo>
{
    [Fact]
    public async Task Two_identities_of_one_person_are_found_as_duplicates_and_nobody_else_is()
    {
        await FillAsync("twice", people: 40, samples: 2, shards: 3);
        await EnrolAsAsync("twice", "somebody-else", person: 7, sample: 5);

        ClusterJob job = await RunAsync("twice");
        ClusterGroupPage duplicates = await Clusters("twice").GetGroupsAsync(null, 100, onlyDuplicates: true);
        ClusterGroupPage all = await Clusters("twice").GetGroupsAsync(null, 100, onlyDuplicates: false);

        (job.State, job.Templates, job.Done, job.Total, job.Groups, job.SuspectedDuplicates, job.Error)
            .ShouldBe((ClusterJobState.Done, 81, 81, 81, 40, 1, null));
        ClusterGroup twin = duplicates.Items.ShouldHaveSingleItem();
        twin.Identities.ShouldBe([Faces.Name(7), "somebody-else"]);
        twin.Members.Select(m => m.Identity).ShouldBe([Faces.Name(7), Faces.Name(7), "somebody-else"]);
        twin.Duplicates.ShouldBeTrue();
        twin.Cohesion.ShouldBeInRange(0.7f, 0.9f);
        duplicates.Next.ShouldBeNull();
        all.Items.Count.ShouldBe(40);
        all.Items[0].Members.Count.ShouldBe(3);
        all.Items.Skip(1).ShouldAllBe(g => !g.Duplicates && g.Members.Count == 2 && g.Identities.Count == 1);
        all.Threshold.ShouldBe(0.52f);
    }

    [Fact]
    public async Task Pages_hold_every_group_once_and_a_page_of_an_older_job_is_refused()
    {
        await FillAsync("pages", people: 25, samples: 2);
        await RunAsync("pages");

        List<string> seen = [];
        string? after = null, second = null;
        do
        {
            ClusterGroupPage page = await Clusters("pages").GetGroupsAsync(after, 10, onlyDuplicates: false);
            seen.AddRange(page.Items.Select(g => g.Identities.Single()));
            after = page.Next;
            second ??= after;
        }
        while (after is not null);
        seen.Order(StringComparer.Ordinal).ShouldBe(Enumerable.Range(0, 25).Select(Faces.Name));

        await RunAsync("pages");
        (await Should.ThrowAsync<FaceSearchException>(() => Clusters("pages").GetGroupsAsync(second, 10, false))).Type.ShouldBe(ProblemTypes.InvalidRequest);
        foreach (string nonsense in (string[])["x", "1-2-3", "zz-0", "-"])
            (await Should.ThrowAsync<FaceSearchException>(() => Clusters("pages").GetGroupsAsync(nonsense, 10, false))).Type.ShouldBe(ProblemTypes.InvalidRequest);
    }

    [Fact]
    public async Task An_erased_identity_disappears_from_answers_at_once_and_from_the_next_job_for_good()
    {
        await FillAsync("erased", people: 10, samples: 2);
        await EnrolAsAsync("erased", "twin", person: 3, sample: 8);
        await RunAsync("erased");
        await silo.Identity("erased", 5).EraseAsync("erase-5");
        await silo.Identity("erased", 3).EraseAsync("erase-3");

        ClusterGroupPage page = await Clusters("erased").GetGroupsAsync(null, 100, onlyDuplicates: false);
        page.Items.SelectMany(g => g.Identities).ShouldBe(new[] { 0, 1, 2, 4, 6, 7, 8, 9 }.Select(Faces.Name), ignoreOrder: true);
        (await Clusters("erased").GetGroupsAsync(null, 100, onlyDuplicates: true)).Items.ShouldBeEmpty();

        ClusterJob next = await RunAsync("erased");
        (next.Templates, next.Groups, next.SuspectedDuplicates).ShouldBe((17, 8, 0));
    }

    [Fact]
    public async Task A_second_job_searches_only_what_is_new_and_finds_what_a_first_one_would()
    {
        await FillAsync("again", people: 30, samples: 2);
        (await RunAsync("again")).Reused.ShouldBe(0);
        await EnrolAsAsync("again", "twin", person: 11, sample: 6);
        await EnrolAsAsync("again", "newcomer", person: 900, sample: 0);
        await EnrolAsAsync("again", "newcomer", person: 900, sample: 1);

        ClusterJob grown = await RunAsync("again");
        (grown.Templates, grown.Reused, grown.Groups, grown.SuspectedDuplicates).ShouldBe((63, 60, 31, 1));
        (await Clusters("again").GetGroupsAsync(null, 10, onlyDuplicates: true)).Items.Single().Identities.ShouldBe([Faces.Name(11), "twin"]);

        ClusterJob stricter = await RunAsync("again", threshold: 0.95f);
        (stricter.Reused, stricter.Groups, stricter.Threshold).ShouldBe((0, 0, 0.95f));
    }

    [Fact]
    public async Task Progress_only_grows_within_a_stage_and_ends()
    {
        await FillAsync("progress", people: 100, samples: 1);
        ClusterJob job = await Clusters("progress").StartAsync(null);
        List<ClusterJob> seen = [job];
        await Until.TrueAsync(async () =>
        {
            seen.Add(await Clusters("progress").GetAsync());
            return seen[^1].State != ClusterJobState.Running;
        });

        seen[0].Stage.ShouldBe(ClusterJobStage.Gathering);
        seen.ShouldAllBe(j => j.Done <= j.Total && j.StartedAt == job.StartedAt);
        foreach ((ClusterJob before, ClusterJob after) in seen.Zip(seen.Skip(1)).Where(p => p.Second.Stage is not null))
        {
            ((int)after.Stage!.Value).ShouldBeGreaterThanOrEqualTo((int)before.Stage!.Value);
            if (after.Stage == before.Stage)
                after.Done.ShouldBeGreaterThanOrEqualTo(before.Done);
        }
        (seen[^1].State, seen[^1].Stage, seen[^1].Done, seen[^1].Total).ShouldBe((ClusterJobState.Done, null, 100, 100));
        seen[^1].FinishedAt!.Value.ShouldBeGreaterThanOrEqualTo(job.StartedAt);
    }

    [Fact]
    public async Task A_cancelled_job_ends_as_cancelled_earlier_groups_stay_and_another_can_be_started()
    {
        await FillAsync("cancel", people: 3, samples: 2);
        await RunAsync("cancel");
        await Task.WhenAll(Enumerable.Range(100, 30).Select(person => EnrolManyAsync("cancel", person, templates: 64)));

        ClusterJob started = await Clusters("cancel").StartAsync(0.5f);
        ClusterJob joined = await Clusters("cancel").StartAsync(0.5f);
        FaceSearchException refused = await Should.ThrowAsync<FaceSearchException>(() => Clusters("cancel").StartAsync(0.7f));
        ClusterJob ended = await Clusters("cancel").CancelAsync();

        (joined.State, joined.StartedAt).ShouldBe((ClusterJobState.Running, started.StartedAt));
        (refused.Type, refused.Status).ShouldBe((ProblemTypes.ClusteringRunning, 409));
        (ended.State, ended.StartedAt, ended.Stage).ShouldBe((ClusterJobState.Cancelled, started.StartedAt, null));
        (await Clusters("cancel").CancelAsync()).ShouldBe(ended);
        ClusterGroupPage earlier = await Clusters("cancel").GetGroupsAsync(null, 100, onlyDuplicates: false);
        (earlier.Threshold, earlier.Items.Count).ShouldBe((0.52f, 3));
        ClusterJob whole = await RunAsync("cancel", threshold: 0.5f);
        (whole.Templates, whole.Groups).ShouldBe((1926, 33));
    }

    [Theory]
    [InlineData(ClusterJobStage.Gathering)]
    [InlineData(ClusterJobStage.Searching)]
    public async Task A_run_can_be_cancelled_while_it_gathers_and_while_it_searches(ClusterJobStage stage)
    {
        string gallery = $"stage-{stage}".ToLowerInvariant();
        await FillAsync(gallery, people: 60, samples: 1);
        GalleryView view = (await silo.Grains.GetGrain<IGalleryRoutingGrain>(gallery).GetViewAsync())!;
        using CancellationTokenSource stop = new();
        List<ClusterJobStage> seen = [];
        ClusterRun run = new(silo.Grains, view, 0.52f, null, (at, _, _) =>
        {
            seen.Add(at);
            if (at == stage)
                stop.Cancel();
        }, stop.Token);

        Should.Throw<OperationCanceledException>(run.Execute);
        seen[^1].ShouldBe(stage);
    }

    [Fact]
    public async Task Without_a_job_or_a_gallery_the_answer_says_so()
    {
        await FillAsync("none", people: 1, samples: 1);
        (await Should.ThrowAsync<FaceSearchException>(() => Clusters("none").GetAsync())).Type.ShouldBe(ProblemTypes.ClustersNotFound);
        (await Should.ThrowAsync<FaceSearchException>(() => Clusters("none").CancelAsync())).Type.ShouldBe(ProblemTypes.ClustersNotFound);
        (await Should.ThrowAsync<FaceSearchException>(() => Clusters("none").GetGroupsAsync(null, 10, false))).Type.ShouldBe(ProblemTypes.ClustersNotFound);
        (await Should.ThrowAsync<FaceSearchException>(() => Clusters("nowhere").StartAsync(null))).Type.ShouldBe(ProblemTypes.GalleryNotFound);
        foreach (float threshold in (float[])[0, 1, -0.5f, float.NaN])
            (await Should.ThrowAsync<FaceSearchException>(() => Clusters("none").StartAsync(threshold))).Type.ShouldBe(ProblemTypes.InvalidRequest);
    }

    [Fact]
    public async Task A_deleted_gallery_takes_its_job_and_its_groups_with_it()
    {
        await FillAsync("short", people: 5, samples: 2);
        await RunAsync("short");
        await Clusters("short").StartAsync(0.7f);
        await silo.Gallery("short").DeleteAsync();
        (await Should.ThrowAsync<FaceSearchException>(() => Clusters("short").GetAsync())).Type.ShouldBe(ProblemTypes.GalleryNotFound);

        await silo.Gallery("short").CreateAsync(new GallerySettings());
        (await Should.ThrowAsync<FaceSearchException>(() => Clusters("short").GetAsync())).Type.ShouldBe(ProblemTypes.ClustersNotFound);
        (await Should.ThrowAsync<FaceSearchException>(() => Clusters("short").GetGroupsAsync(null, 10, false))).Type.ShouldBe(ProblemTypes.ClustersNotFound);
        (await RunAsync("short")).Templates.ShouldBe(0);
    }

    private IGalleryClustersGrain Clusters(string gallery) => silo.Grains.GetGrain<IGalleryClustersGrain>(gallery);

    private async Task FillAsync(string gallery, int people, int samples, int shards = 1)
    {
        await silo.Gallery(gallery).CreateAsync(new GallerySettings { Shards = shards });
        await Task.WhenAll(Enumerable.Range(0, people * samples).Select(i => silo.EnrolAsync(gallery, i / samples, i % samples)));
    }

    private Task<EnrolOutcome> EnrolAsAsync(string gallery, string identity, int person, int sample) =>
        silo.Grains.GetGrain<IIdentityGrain>(Ids.IdentityKey(gallery, identity)).EnrolAsync(
            new EnrolCommand($"{identity}-{sample}", 1, [new NewTemplate(Faces.Of(person, sample), TemplateQuality.Unknown)], null, ConflictPolicy.Allow));

    private Task<EnrolOutcome> EnrolManyAsync(string gallery, int person, int templates) => silo.Identity(gallery, person).EnrolAsync(new EnrolCommand(
        $"many-{person}", 1, [.. Enumerable.Range(0, templates).Select(i => new NewTemplate(Faces.Of(person, i), TemplateQuality.Unknown))], null, ConflictPolicy.Allow));

    private async Task<ClusterJob> RunAsync(string gallery, float? threshold = null)
    {
        ClusterJob job = await Clusters(gallery).StartAsync(threshold);
        await Until.TrueAsync(async () => (job = await Clusters(gallery).GetAsync()).State != ClusterJobState.Running, () => job.ToString());
        job.State.ShouldBe(ClusterJobState.Done, job.Error);
        return job;
    }
}
