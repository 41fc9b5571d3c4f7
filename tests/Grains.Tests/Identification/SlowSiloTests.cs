using System.Diagnostics;
using FaceSearch.Grains.Placement;
using FaceSearch.Grains.Shards;
using FaceSearch.Grains.Tests.Cluster;
using FaceSearch.Grains.Tests.Placement;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.TestingHost;

namespace FaceSearch.Grains.Tests.Identification;

/// <summary>One of three silos whose every search takes 500 ms longer.</summary>
[Collection(nameof(Alone))]
public sealed class SlowSiloTests
{
    private const int Shards = 6, People = 60, Rounds = 6, Requests = 100;
    private static readonly TimeSpan Slow = TimeSpan.FromMilliseconds(500), Deadline = TimeSpan.FromMilliseconds(300), Late = TimeSpan.FromMilliseconds(50);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_slow_silo_makes_no_answer_late_and_no_partial_answer_that_does_not_say_so(int replicas)
    {
        await using TestSilos silos = await TestSilos.StartAsync(3, TimeSpan.FromSeconds(1));
        await silos.Grains.GetGrain<IGalleryGrain>("slow").CreateAsync(new GallerySettings { Shards = Shards, Replicas = replicas });
        await Task.WhenAll(Enumerable.Range(0, People).Select(person => silos.Grains.GetGrain<IIdentityGrain>(Ids.IdentityKey("slow", Faces.Name(person))).EnrolAsync(
            new EnrolCommand($"enrol-{person}", 1, [new NewTemplate(Faces.Of(person), TemplateQuality.Unknown)], null, ConflictPolicy.Allow))));
        await Until.TrueAsync(() => Task.FromResult(silos.OpenShards().SequenceEqual([2, 2, 2])));
        InProcessSiloHandle slow = silos.Cluster.Silos[1], fast = silos.Cluster.Silos[2];
        IGrainFactory here = fast.ServiceProvider.GetRequiredService<IGrainFactory>();
        for (int person = 0; person < People; person++)
            (await AskAsync(here, person, TimeSpan.FromSeconds(20), allowPartial: false)).ShardsAnswered.ShouldBe(Shards);
        int[] there = [.. slow.ServiceProvider.GetRequiredService<OpenShards>().All.Select(s => s.Key.Shard)];
        ShardOptions options = slow.ServiceProvider.GetRequiredService<IOptions<ShardOptions>>().Value;
        (options.SlowBy, options.SlowShard) = (Slow, -1);
        TimeSpan worst = TimeSpan.MaxValue;
        int partial = 0, refused = 0;
        for (int round = 0; round < Rounds && worst > Deadline + Late; round++)
        {
            // The machine has other work too: one round in which it let us have the processors is enough.
            List<TimeSpan> took = [];
            for (int i = 0; i < Requests; i++)
            {
                bool allowPartial = i % 2 == 0;
                Stopwatch watch = Stopwatch.StartNew();
                try
                {
                    IdentifyOutcome outcome = await AskAsync(here, i % People, Deadline, allowPartial);
                    outcome.ShardsTotal.ShouldBe(Shards);
                    partial += outcome.ShardsAnswered < Shards ? 1 : 0;
                    if (outcome.ShardsAnswered == Shards)
                        outcome.Candidates[0].Identity.ShouldBe(Faces.Name(i % People));
                    else
                        allowPartial.ShouldBeTrue();
                }
                catch (FaceSearchException e) when (e.Type == ProblemTypes.DeadlineExceeded)
                {
                    refused++;
                }
                took.Add(watch.Elapsed);
            }
            worst = took.Order().ElementAt((int)Math.Ceiling(0.99 * Requests) - 1);
            TestContext.Current.TestOutputHelper!.WriteLine($"p50 {took.Order().ElementAt(Requests / 2).TotalMilliseconds:f0} ms, p99 {worst.TotalMilliseconds:f0} ms of {Deadline.TotalMilliseconds} ms; {partial} partial, {refused} refused so far");
        }
        there.Length.ShouldBe(2);
        worst.ShouldBeLessThanOrEqualTo(Deadline + Late);
        (partial > 0, refused > 0).ShouldBe((true, true));
        // Who has the time gets a whole answer from the slow silo as well.
        IdentifyOutcome patient = await AskAsync(here, 7, TimeSpan.FromSeconds(20), allowPartial: false);
        (patient.ShardsAnswered, patient.Candidates[0].Identity).ShouldBe((Shards, Faces.Name(7)));
    }

    private static Task<IdentifyOutcome> AskAsync(IGrainFactory grains, int person, TimeSpan within, bool allowPartial) => grains.GetGrain<IIdentifyGrain>("slow").IdentifyAsync(
        new IdentifyQuery("slow", 1, Faces.Of(person, 99), 3, null, null, null, DateTimeOffset.UtcNow + within, allowPartial), TestContext.Current.CancellationToken);
}
