using System.Collections.Concurrent;
using System.Diagnostics;
using FaceSearch.Grains.Placement;
using FaceSearch.Grains.Replicas;
using FaceSearch.Grains.Shards;
using FaceSearch.Grains.Tests.Cluster;
using FaceSearch.Storage;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.TestingHost;

namespace FaceSearch.Grains.Tests.Replicas;

[Collection(nameof(Alone))]
public sealed class ReplicaTests
{
    [Fact]
    public async Task Replicas_sit_on_other_silos_than_their_shard_and_each_other()
    {
        await using ReplicaSilos cluster = await ReplicaSilos.StartAsync(3, "seated", shards: 3, replicas: 2);
        await cluster.EnrolAsync(1);
        for (int shard = 0; shard < 3; shard++)
        {
            await cluster.Primary(shard).GetStatusAsync();
            int number = shard;
            // Until the shards have moved to where they are seated, and the replicas with them.
            await Until.TrueAsync(async () =>
            {
                ReplicaStatus[] replicas = await Task.WhenAll(cluster.Replica(number, 0).GetStatusAsync(), cluster.Replica(number, 1).GetStatusAsync());
                InProcessSiloHandle? seat = cluster.Living.SingleOrDefault(s => s.ServiceProvider.GetRequiredService<OpenShards>().All.Any(open => open.Key == cluster.Shard(number)));
                return seat is not null && replicas.All(r => r.State == "ready") && new[] { seat.SiloAddress, replicas[0].Silo, replicas[1].Silo }.Distinct().Count() == 3;
            });
        }
    }

    [Fact]
    public async Task A_token_makes_a_replica_that_is_told_nothing_show_what_was_written_and_hide_what_was_erased()
    {
        await using ReplicaSilos cluster = await ReplicaSilos.StartAsync(2, "told", shards: 1, replicas: 1, follows: false);
        await cluster.EnrolAsync(0);
        await cluster.ReadyAsync(1, 1);
        // The shard on which the log is written behind its back tells nobody.
        await using ITemplateLog log = await cluster.Silos.Logs.OpenAsync(cluster.Shard(), TestContext.Current.CancellationToken);
        int fromReplicas = 0;
        for (int person = 1; person < 20; person++)
        {
            CommitResult enrolled = await log.CommitAsync(Faces.Enrolment(person), TestContext.Current.CancellationToken);
            (await ReplicaSilos.FindsAsync(cluster.Replica(), person, latest: false)).ShouldBeFalse();
            (await ReplicaSilos.FindsAsync(cluster.Replica(), person, latest: false, enrolled.Lsn)).ShouldBeTrue();
            CommitResult erased = await log.CommitAsync(Faces.Erasure(person), TestContext.Current.CancellationToken);
            (await ReplicaSilos.FindsAsync(cluster.Replica(), person, latest: false)).ShouldBeTrue();
            (await ReplicaSilos.FindsAsync(cluster.Replica(), person, latest: person % 2 == 0, person % 2 == 0 ? 0 : erased.Lsn)).ShouldBeFalse();
            fromReplicas++;
        }
        (await cluster.Replica().GetStatusAsync()).Reads.ShouldBe(4 * fromReplicas);
    }

    [Fact]
    public async Task Who_allows_it_is_answered_by_replicas_too_and_with_his_tokens_sees_his_own_writes()
    {
        await using ReplicaSilos cluster = await ReplicaSilos.StartAsync(2, "bounded", shards: 2, replicas: 1, follows: false);
        await cluster.EnrolAsync(0);
        await cluster.ReadyAsync(2, 1);
        int fromReplicas = 0, reads = 0;
        for (int person = 1; person < 20; person++)
        {
            string token = (await cluster.EnrolAsync(person)).ConsistencyToken.ShouldNotBeNull();
            for (int i = 0; i < 4; i++, reads += 2)
            {
                (bool found, int replicas) = await cluster.FindsAsync(person, ReadConsistency.Bounded, token);
                found.ShouldBeTrue();
                fromReplicas += replicas;
            }
            token = $"{token},{(await cluster.EraseAsync(person)).ConsistencyToken}";
            for (int i = 0; i < 4; i++, reads += 2)
            {
                (bool found, int replicas) = await cluster.FindsAsync(person, ReadConsistency.Bounded, token);
                found.ShouldBeFalse();
                fromReplicas += replicas;
            }
        }
        // They take turns.
        fromReplicas.ShouldBeInRange(reads / 4, 3 * reads / 4);
        // Nobody else ever reads anything but the latest, nor from a replica while the shard is in time.
        (await Should.ThrowAsync<FaceSearchException>(() => cluster.FindsAsync(1, ReadConsistency.Latest, new ConsistencyToken(cluster.Shard(), 1L << 30).ToString())))
            .Type.ShouldBe(ProblemTypes.InvalidRequest);
    }

    [Fact]
    public async Task A_replica_follows_through_snapshots_and_scrubs_and_ends_with_its_gallery()
    {
        await using ReplicaSilos cluster = await ReplicaSilos.StartAsync(2, "followed", shards: 1, replicas: 1);
        await cluster.EnrolAsync(0);
        await cluster.ReadyAsync(1, 1);
        long reads = 0;
        for (int round = 0; round < 5; round++)
        {
            for (int person = 1; person < 10; person++)
                await cluster.EnrolAsync(person);
            await cluster.Primary().SnapshotAsync();
            for (int person = 1; person < 10; person += 2)
                await cluster.EraseAsync(person);
            for (int person = 1; person < 10; person++, reads++)
                (await ReplicaSilos.FindsAsync(cluster.Replica(), person, latest: true)).ShouldBe(person % 2 == 0);
        }
        ReplicaStatus status = await cluster.Replica().GetStatusAsync();
        // The same activation all the time.
        (status.Reads, status.Lsn).ShouldBe((reads, (await cluster.Primary().GetStatusAsync()).Lsn));
        await cluster.Silos.Grains.GetGrain<IGalleryGrain>("followed").DeleteAsync();
        await Should.ThrowAsync<FaceSearchException>(() => ReplicaSilos.FindsAsync(cluster.Replica(), 2, latest: false));
        await cluster.Silos.Grains.GetGrain<IGalleryGrain>("followed").CreateAsync(new GallerySettings { Replicas = 1 });
        await cluster.EnrolAsync(50);
        await cluster.ReadyAsync(1, 1);
        (await ReplicaSilos.FindsAsync(cluster.Replica(), 50, latest: true), await ReplicaSilos.FindsAsync(cluster.Replica(), 2, latest: true)).ShouldBe((true, false));
    }

    [Fact]
    public async Task A_gallery_that_wants_no_replicas_any_more_has_none_shortly_after()
    {
        await using ReplicaSilos cluster = await ReplicaSilos.StartAsync(2, "fewer", shards: 1, replicas: 1);
        await cluster.EnrolAsync(1);
        await cluster.ReadyAsync(1, 1);
        IGalleryGrain gallery = cluster.Silos.Grains.GetGrain<IGalleryGrain>("fewer");
        (await Should.ThrowAsync<FaceSearchException>(() => gallery.UpdateAsync(new GallerySettings { Replicas = 4 }))).Type.ShouldBe(ProblemTypes.InvalidRequest);
        (await gallery.UpdateAsync(new GallerySettings { Replicas = 0 })).Settings.Replicas.ShouldBe(0);
        await Until.TrueAsync(async () => (await cluster.Replica().GetStatusAsync()).State == "idle");
        (await cluster.FindsAsync(1, ReadConsistency.Bounded)).ShouldBe((true, 0));
    }

    [Fact]
    public async Task A_replica_follows_the_next_epoch_and_never_shows_what_a_fenced_shard_tried_to_write()
    {
        await using ReplicaSilos cluster = await ReplicaSilos.StartAsync(2, "fenced", shards: 1, replicas: 1);
        await cluster.EnrolAsync(0);
        await cluster.ReadyAsync(1, 1);
        for (int round = 0; round < 3; round++)
        {
            int kept = 10 + round, fenced = 20 + round;
            await using (ITemplateLog usurper = await cluster.Silos.Logs.OpenAsync(cluster.Shard(), TestContext.Current.CancellationToken))
            {
                await usurper.CommitAsync(Faces.Enrolment(kept), TestContext.Current.CancellationToken);
                await Should.ThrowAsync<FaceSearchException>(() => cluster.Primary().CommitAsync(Faces.Enrolment(fenced)));
                (await ReplicaSilos.FindsAsync(cluster.Replica(), kept, latest: true), await ReplicaSilos.FindsAsync(cluster.Replica(), fenced, latest: true)).ShouldBe((true, false));
            }
            // The shard opens again under an epoch of its own, and goes on.
            await Until.TrueAsync(async () => (await cluster.Primary().GetStatusAsync()).State == "ready");
            await cluster.EnrolAsync(30 + round);
            (await ReplicaSilos.FindsAsync(cluster.Replica(), 30 + round, latest: true), await ReplicaSilos.FindsAsync(cluster.Replica(), fenced, latest: true)).ShouldBe((true, false));
        }
        (await cluster.Primary().GetStatusAsync()).Epoch.ShouldBeGreaterThanOrEqualTo(7);
    }

    [Fact]
    public async Task When_the_silo_of_a_shard_dies_its_replica_answers_and_goes_on_with_the_next_one()
    {
        await using ReplicaSilos cluster = await ReplicaSilos.StartAsync(3, "dying", shards: 1, replicas: 1);
        for (int person = 0; person < 20; person++)
            await cluster.EnrolAsync(person);
        await cluster.ReadyAsync(1, 1);
        InProcessSiloHandle seat = cluster.SeatOf();
        ReplicaStatus before = await cluster.Replica().GetStatusAsync();
        before.Silo.ShouldNotBe(seat.SiloAddress);
        IGrainFactory there = cluster.Living.Single(s => s.SiloAddress.Equals(before.Silo)).ServiceProvider.GetRequiredService<IGrainFactory>();
        await cluster.Silos.Cluster.KillSiloAsync(seat);
        // What needs no shard: the replica reads the log itself.
        (await there.GetGrain<IShardReplicaGrain>(new ReplicaId(cluster.Shard(), 0).ToString()).SearchAsync(
            new ShardQuery(Faces.Of(7, 99), 3, null, DateTimeOffset.UtcNow.AddSeconds(20)), latest: true)).Candidates[0].Identity.ShouldBe(Faces.Name(7));
        await Until.TrueAsync(async () =>
        {
            try
            {
                return (await there.GetGrain<IGalleryShardGrain>(cluster.Shard().ToString()).GetStatusAsync()).State == "ready";
            }
            catch (Exception e) when (Transient.Is(e) || e is TimeoutException or OrleansException)
            {
                return false;
            }
        }, limit: TimeSpan.FromMinutes(3));
        await cluster.EnrolAsync(100, there);
        (await cluster.FindsAsync(100, ReadConsistency.Latest, through: there)).Found.ShouldBeTrue();
        // It may have had to move away from the shard's new silo.
        await Until.TrueAsync(async () =>
        {
            try
            {
                return await ReplicaSilos.FindsAsync(there.GetGrain<IShardReplicaGrain>(new ReplicaId(cluster.Shard(), 0).ToString()), 100, latest: true);
            }
            catch (Exception e) when (Transient.Is(e))
            {
                return false;
            }
        });
    }

    [Fact]
    public async Task A_dead_silo_of_a_replica_holds_up_neither_reads_nor_writes()
    {
        await using ReplicaSilos cluster = await ReplicaSilos.StartAsync(3, "careless", shards: 1, replicas: 1);
        for (int person = 0; person < 20; person++)
            await cluster.EnrolAsync(person);
        await cluster.ReadyAsync(1, 1);
        InProcessSiloHandle seat = cluster.SeatOf();
        SiloAddress replica = (await cluster.Replica().GetStatusAsync()).Silo;
        replica.ShouldNotBe(seat.SiloAddress);
        IGrainFactory there = seat.ServiceProvider.GetRequiredService<IGrainFactory>();
        IGalleryShardGrain shard = there.GetGrain<IGalleryShardGrain>(cluster.Shard().ToString());
        for (int i = 0; i < 50; i++)
            await cluster.FindsAsync(i % 20, ReadConsistency.Latest, through: there);
        await cluster.Silos.Cluster.KillSiloAsync(cluster.Living.Single(s => s.SiloAddress.Equals(replica)));
        for (int i = 0; i < 100; i++)
        {
            (await shard.CommitAsync(Faces.Enrolment(100 + i)).WaitAsync(TimeSpan.FromSeconds(2))).Result.Status.ShouldBe(CommitStatus.Applied);
            (await cluster.FindsAsync(100 + i, ReadConsistency.Latest, through: there, within: TimeSpan.FromSeconds(2))).Found.ShouldBeTrue();
        }
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public async Task Whoever_enrols_and_erases_is_seen_and_not_seen_by_every_later_read_whoever_answers(int seed)
    {
        const int Workers = 4, Steps = 50, PeopleEach = 5;
        await using ReplicaSilos cluster = await ReplicaSilos.StartAsync(3, "stress", shards: 2, replicas: 2);
        for (int person = 1000; person < 1020; person++)
            await cluster.EnrolAsync(person);
        await cluster.ReadyAsync(2, 2);
        ConcurrentDictionary<int, bool> there = new();
        int fromReplicas = 0, reads = 0;
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(async () =>
        {
            Random random = new((seed * 100) + worker);
            IGrainFactory silo = cluster.Living[worker % 3].ServiceProvider.GetRequiredService<IGrainFactory>();
            for (int step = 0; step < Steps; step++)
            {
                int person = (worker * 100) + random.Next(PeopleEach);
                string? token;
                if (there.GetValueOrDefault(person))
                {
                    token = (await RepeatAsync(() => cluster.EraseAsync(person, silo))).ConsistencyToken;
                    there[person] = false;
                }
                else
                {
                    token = (await RepeatAsync(() => cluster.EnrolAsync(person, silo))).ConsistencyToken;
                    there[person] = true;
                }
                IGrainFactory reader = cluster.Living[random.Next(3)].ServiceProvider.GetRequiredService<IGrainFactory>();
                ReadConsistency consistency = random.Next(2) == 0 ? ReadConsistency.Latest : ReadConsistency.Bounded;
                (bool found, int replicas) = await RepeatAsync(() => cluster.FindsAsync(person, consistency, consistency == ReadConsistency.Latest ? null : token, reader));
                found.ShouldBe(there[person], $"worker {worker}, step {step}, {consistency}, {replicas} from replicas");
                IShardReplicaGrain replica = reader.GetGrain<IShardReplicaGrain>(new ReplicaId(TokenOf(token).Shard, random.Next(2)).ToString());
                (await RepeatAsync(() => ReplicaSilos.FindsAsync(replica, person, latest: true))).ShouldBe(there[person], $"worker {worker}, step {step}, from the replica itself");
                Interlocked.Add(ref fromReplicas, replicas);
                Interlocked.Add(ref reads, 2);
                if (worker == 0 && step % 10 == 9)
                    await RepeatAsync(() => MoveAsync(cluster, step / 10 % 2));
            }
        })));
        fromReplicas.ShouldBeGreaterThan(reads / 8);
        foreach ((int person, bool is_) in there)
            (await cluster.FindsAsync(person, ReadConsistency.Latest)).Found.ShouldBe(is_);
    }

    private static ConsistencyToken TokenOf(string? token)
    {
        ConsistencyToken.TryParse(token.ShouldNotBeNull(), "stress", out ConsistencyToken[] read).ShouldBeTrue();
        return read[0];
    }

    /// <summary>Closes a shard, which opens again under the next epoch.</summary>
    private static async Task<bool> MoveAsync(ReplicaSilos cluster, int shard)
    {
        if (shard == 0)
            await cluster.Primary(shard).SnapshotAsync();
        IGrainContext? open = cluster.Living.SelectMany(s => s.ServiceProvider.GetRequiredService<OpenShards>().All).FirstOrDefault(o => o.Key == cluster.Shard(shard)).Value;
        open?.Deactivate(new DeactivationReason(DeactivationReasonCode.ApplicationRequested, "The test wants it."), CancellationToken.None);
        return true;
    }

    /// <summary>As gateways do with what fails for the moment.</summary>
    private static async Task<T> RepeatAsync<T>(Func<Task<T>> work)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return await work();
            }
            catch (Exception e) when (Transient.Is(e) && watch.Elapsed < TimeSpan.FromSeconds(30))
            {
                await Task.Delay(20);
            }
        }
    }
}
