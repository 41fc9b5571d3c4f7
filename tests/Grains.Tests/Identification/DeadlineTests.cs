using System.Diagnostics;
using FaceSearch.Grains.Shards;
using FaceSearch.Grains.Tests.Cluster;
using Microsoft.Extensions.Options;

namespace FaceSearch.Grains.Tests.Identification;

/// <summary>Searches whose one shard is slow: its search thread really takes the time.</summary>
[Collection(nameof(Alone))]
public sealed class DeadlineTests(TestSilo silo) : IClassFixture<TestSilo>, IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(1000), Slow = TimeSpan.FromMilliseconds(3000), Late = TimeSpan.FromMilliseconds(50);

    private ShardOptions Options => silo.Service<IOptions<ShardOptions>>().Value;

    public ValueTask DisposeAsync()
    {
        Options.SlowShard = null;
        return default;
    }

    [Fact]
    public async Task A_late_shard_makes_no_partial_answer_and_holds_nobody_up_past_the_deadline()
    {
        await FillAsync("late", shards: 4);
        SlowDown(2);
        List<TimeSpan> took = [];
        for (int i = 0; i < 5; i++)
        {
            Stopwatch watch = Stopwatch.StartNew();
            FaceSearchException refused = await Should.ThrowAsync<FaceSearchException>(() => AskAsync("late", i, Deadline, allowPartial: false));
            took.Add(watch.Elapsed);
            (refused.Type, refused.Status).ShouldBe((ProblemTypes.DeadlineExceeded, 504));
            refused.Message.ShouldStartWith("3 of 4 shards");
        }
        // On a busy machine some are late for other reasons; none waits for the shard.
        took.Order().First().ShouldBeLessThan(Deadline + Late);
        took.ShouldAllBe(t => t < Slow - Late);
    }

    [Fact]
    public async Task A_caller_that_allows_it_hears_of_the_shards_that_answered_and_how_many_did()
    {
        await FillAsync("partial", shards: 4);
        IdentifyOutcome whole = await AskAsync("partial", 0, TimeSpan.FromSeconds(20), allowPartial: true);
        (whole.ShardsAnswered, whole.ShardsTotal).ShouldBe((4, 4));
        SlowDown(1);
        int found = 0;
        for (int person = 0; person < 4; person++)
        {
            IdentifyOutcome outcome = await AskAsync("partial", person, 2 * Deadline, allowPartial: true);
            (outcome.ShardsAnswered, outcome.ShardsTotal).ShouldBe((3, 4));
            found += outcome.Candidates[0].Identity == Faces.Name(person) ? 1 : 0;
        }
        found.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task What_still_waits_at_its_deadline_is_dropped_and_not_computed()
    {
        await FillAsync("queue", shards: 1);
        SearchPool pool = silo.Service<SearchPool>();
        long before = pool.Dropped;
        SlowDown(0);
        const int Asked = 40, Threads = 8;
        Task<IdentifyOutcome>[] asked = [.. Enumerable.Range(0, Asked).Select(i => AskAsync("queue", i % 20, Deadline, allowPartial: false))];
        foreach (Task<IdentifyOutcome> one in asked)
            (await Should.ThrowAsync<FaceSearchException>(() => one)).Type.ShouldBe(ProblemTypes.DeadlineExceeded);
        Stopwatch watch = Stopwatch.StartNew();
        await Until.TrueAsync(() => Task.FromResult(pool.Dropped - before >= Asked - Threads));
        // Computed one after the other on eight threads they would have taken five rounds.
        watch.Elapsed.ShouldBeLessThan(2 * Slow);
        Options.SlowShard = null;
        (await AskAsync("queue", 7, TimeSpan.FromSeconds(20), allowPartial: false)).Candidates[0].Identity.ShouldBe(Faces.Name(7));
    }

    private void SlowDown(int shard) => (Options.SlowBy, Options.SlowShard) = (Slow, shard);

    private Task<IdentifyOutcome> AskAsync(string gallery, int person, TimeSpan within, bool allowPartial) => silo.Grains.GetGrain<IIdentifyGrain>(gallery).IdentifyAsync(
        new IdentifyQuery(gallery, 1, Faces.Of(person, 99), 3, null, null, null, DateTimeOffset.UtcNow + within, allowPartial), TestContext.Current.CancellationToken);

    private async Task FillAsync(string gallery, int shards)
    {
        await silo.Gallery(gallery).CreateAsync(new GallerySettings { Shards = shards });
        await Task.WhenAll(Enumerable.Range(0, 40).Select(person => silo.EnrolAsync(gallery, person)));
        await silo.IdentifyAsync(gallery, 0);
    }
}
