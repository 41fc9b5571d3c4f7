using System.Diagnostics;
using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Shards;
using FaceSearch.Grains.Tests.Cluster;
using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;

namespace FaceSearch.Grains.Tests.Replicas;

/// <summary>Second requests to replicas of a shard whose search thread really is slow.</summary>
[Collection(nameof(Alone))]
public sealed class HedgedReadTests
{
    [Fact]
    public async Task A_slow_search_is_overtaken_by_a_replica_and_at_most_a_twentieth_of_the_requests_are_doubled()
    {
        const int Requests = 600, SlowEvery = 50;
        await using ReplicaSilos cluster = await ReplicaSilos.StartAsync(2, "hedged", shards: 1, replicas: 1, hedgeAfter: 0.99);
        for (int person = 0; person < 20; person++)
            await cluster.EnrolAsync(person);
        await cluster.ReadyAsync(1, 1);
        using Hedges hedges = new("hedged");
        IGrainFactory one = cluster.Living[0].ServiceProvider.GetRequiredService<IGrainFactory>();
        TimeSpan slow = TimeSpan.FromSeconds(2);
        int overtaken = 0, late = 0, byReplica = 0;
        for (int i = 1; i <= Requests; i++)
        {
            bool isSlow = i % SlowEvery == 0;
            if (isSlow)
                cluster.Slow(slow);
            Stopwatch watch = Stopwatch.StartNew();
            (bool found, int replicas) = await cluster.FindsAsync(i % 20, ReadConsistency.Latest, through: one);
            found.ShouldBeTrue();
            byReplica += replicas;
            if (isSlow)
            {
                cluster.Slow(null);
                overtaken += replicas;
                late += watch.Elapsed >= slow ? 1 : 0;
                (replicas == 1).ShouldBe(watch.Elapsed < slow, $"request {i} took {watch.Elapsed}");
            }
            // The requests before these have earned some, of which ten are kept.
            hedges.Count("sent").ShouldBeLessThanOrEqualTo((int)Math.Floor((0.05 * i) + 10 + 1e-6));
        }
        (overtaken + late).ShouldBe(Requests / SlowEvery);
        overtaken.ShouldBeGreaterThan(0, $"{hedges}");
        hedges.Count("won").ShouldBeGreaterThanOrEqualTo(overtaken);
        (hedges.Count("shard"), hedges.Count("replica")).ShouldBe((Requests - byReplica, byReplica));
    }

    [Fact]
    public async Task The_request_that_lost_is_not_computed_any_more()
    {
        await using ReplicaSilos cluster = await ReplicaSilos.StartAsync(2, "lost", shards: 1, replicas: 1, hedgeAfter: 0.999);
        await cluster.EnrolAsync(1);
        await cluster.ReadyAsync(1, 1);
        SearchPool pool = cluster.SeatOf().ServiceProvider.GetRequiredService<SearchPool>();
        IGrainFactory one = cluster.Living[0].ServiceProvider.GetRequiredService<IGrainFactory>();
        for (int i = 0; i < 300; i++)
            await cluster.FindsAsync(1, ReadConsistency.Latest, through: one);
        long before = pool.Dropped;
        cluster.Slow(TimeSpan.FromSeconds(3));
        // Every thread is busy, so the next request waits for one.
        Task[] busy = [.. Enumerable.Range(0, 2 * Environment.ProcessorCount).Select(_ => cluster.Primary().SearchAsync(new ShardQuery(Faces.Of(1), 1, null, DateTimeOffset.UtcNow.AddSeconds(20))))];
        await Until.TrueAsync(() => Task.FromResult(pool.Waiting == Environment.ProcessorCount));
        (await cluster.FindsAsync(1, ReadConsistency.Latest, through: one)).ShouldBe((true, 1));
        cluster.Slow(null);
        await Task.WhenAll(busy);
        await Until.TrueAsync(() => Task.FromResult(pool.Dropped == before + 1));
    }

    [Fact]
    public async Task A_replica_that_knows_nothing_of_a_new_shard_makes_nobody_miss_it()
    {
        await using ReplicaSilos cluster = await ReplicaSilos.StartAsync(4, "outgrown", shards: 1, replicas: 1, maxTemplatesPerShard: 1000, hedgeAfter: 0.999);
        await cluster.EnrolAsync(5000);
        await cluster.ReadyAsync(1, 1);
        foreach (InProcessSiloHandle silo in cluster.Living)
        {
            IGrainFactory there = silo.ServiceProvider.GetRequiredService<IGrainFactory>();
            for (int i = 0; i < 200; i++)
                (await cluster.FindsAsync(5000, ReadConsistency.Latest, through: there)).Found.ShouldBeTrue();
        }
        await Task.WhenAll(Enumerable.Range(0, 1000).Select(person => cluster.Primary().CommitAsync(Faces.Enrolment(person))));
        IGalleryGrain gallery = cluster.Silos.Grains.GetGrain<IGalleryGrain>("outgrown");
        await Until.TrueAsync(async () => (await gallery.DescribeAsync()).Shards.Count == 2);
        // Straight to the new shard, so that no silo hears of it by the way of the identity's grain.
        (await cluster.Primary(1).CommitAsync(Faces.Enrolment(6000))).Result.Status.ShouldBe(Storage.CommitStatus.Applied);
        InProcessSiloHandle? unaware = null;
        foreach (InProcessSiloHandle silo in cluster.Living)
        {
            if ((await silo.ServiceProvider.GetRequiredService<GalleryRoutes>().GetAsync("outgrown")).View.Map.ShardCount == 1)
                unaware = silo;
        }
        using Hedges hedges = new("outgrown");
        cluster.Slow(TimeSpan.FromSeconds(2));
        (await cluster.FindsAsync(6000, ReadConsistency.Latest, through: unaware.ShouldNotBeNull().ServiceProvider.GetRequiredService<IGrainFactory>())).Found.ShouldBeTrue();
        hedges.Count("won").ShouldBeGreaterThanOrEqualTo(1, $"{hedges}");
    }
}
