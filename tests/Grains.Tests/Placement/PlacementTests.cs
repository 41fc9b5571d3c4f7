using FaceSearch.Grains.Tests.Cluster;

namespace FaceSearch.Grains.Tests.Placement;

[Collection(nameof(Alone))]
public sealed class PlacementTests
{
    [Fact]
    public async Task Faces_are_embedded_on_the_silo_with_a_gpu_and_elsewhere_once_it_is_gone()
    {
        await using TestSilos silos = await TestSilos.StartAsync(3, TimeSpan.Zero, gpu: number => number == 1);
        int model = 0;
        // What a silo has is told to the others after it has joined.
        await Until.TrueAsync(async () => await EmbedAsync(silos, model++) == 1);
        for (int i = 0; i < 12; i++)
            (await EmbedAsync(silos, model++)).ShouldBe(1);
        await silos.Cluster.StopSiloAsync(silos.Silo(1));
        await Until.TrueAsync(async () => await EmbedAsync(silos, model++) != 1, limit: TimeSpan.FromMinutes(3));
    }

    [Fact]
    public async Task Shards_spread_and_move_when_silos_join_and_leave_without_a_wrong_or_partial_answer()
    {
        await using TestSilos silos = await TestSilos.StartAsync(2, TimeSpan.FromSeconds(1));
        await silos.Grains.GetGrain<IGalleryGrain>("moving").CreateAsync(new GallerySettings { Shards = 6 });
        for (int person = 0; person < 60; person++)
        {
            await silos.Grains.GetGrain<IIdentityGrain>(Ids.IdentityKey("moving", Faces.Name(person))).EnrolAsync(
                new EnrolCommand($"enrol-{person}", 1, [new NewTemplate(Faces.Of(person), TemplateQuality.Unknown)], null, ConflictPolicy.Allow));
        }
        await Until.TrueAsync(() => Spread(silos, [3, 3]), () => string.Join(", ", silos.OpenShards()));
        using CancellationTokenSource stop = new();
        int right = 0;
        Task[] clients = [.. Enumerable.Range(0, 2).Select(c => Task.Run(async () =>
        {
            for (int i = c; !stop.IsCancellationRequested; i += 2)
            {
                IdentifyOutcome outcome;
                try
                {
                    outcome = await silos.Grains.GetGrain<IIdentifyGrain>("moving").IdentifyAsync(
                        new IdentifyQuery("moving", 1, Faces.Of(i % 60, 99), 3, null, null, null, DateTimeOffset.UtcNow.AddSeconds(25), true));
                }
                catch (TimeoutException)
                {
                    // A call on its way to the silo as that stops goes with it: no answer, but no wrong one.
                    continue;
                }
                (outcome.ShardsAnswered, outcome.ShardsTotal).ShouldBe((6, 6));
                outcome.Candidates[0].Identity.ShouldBe(Faces.Name(i % 60));
                Interlocked.Increment(ref right);
            }
        }))];
        async Task<bool> RightAndAsync(Func<Task<bool>> condition)
        {
            if (clients.FirstOrDefault(c => c.IsFaulted) is { } failed)
                await failed;
            return await condition();
        }
        await silos.Cluster.StartAdditionalSiloAsync();
        await Until.TrueAsync(() => RightAndAsync(() => Spread(silos, [2, 2, 2])), () => string.Join(", ", silos.OpenShards()));
        await silos.Cluster.StopSiloAsync(silos.Silo(1));
        await Until.TrueAsync(() => RightAndAsync(() => Spread(silos, [3, 3])), () => string.Join(", ", silos.OpenShards()));
        int before = Volatile.Read(ref right);
        await Until.TrueAsync(() => RightAndAsync(() => Task.FromResult(Volatile.Read(ref right) > before + 20)));
        await stop.CancelAsync();
        await Task.WhenAll(clients);
    }

    [Fact]
    public async Task A_full_shard_makes_room_in_a_new_one_on_another_silo_and_everybody_is_still_found()
    {
        await using TestSilos silos = await TestSilos.StartAsync(2, TimeSpan.FromSeconds(1));
        IGalleryGrain gallery = silos.Grains.GetGrain<IGalleryGrain>("growing");
        await gallery.CreateAsync(new GallerySettings { Shards = 1, MaxTemplatesPerShard = 1000 });
        Task EnrolAsync(int person) => silos.Grains.GetGrain<IIdentityGrain>(Ids.IdentityKey("growing", Faces.Name(person))).EnrolAsync(
            new EnrolCommand($"enrol-{person}", 1, [new NewTemplate(Faces.Of(person), TemplateQuality.Unknown)], null, ConflictPolicy.Allow));
        await Task.WhenAll(Enumerable.Range(0, 1050).Select(EnrolAsync));
        await Until.TrueAsync(async () => (await gallery.DescribeAsync()).Shards.Count == 2);
        // A silo that has not heard of it yet still fills the full one, until that one's answers say that the gallery has grown.
        await Task.WhenAll(Enumerable.Range(1050, 50).Select(EnrolAsync));
        long heard = (await gallery.DescribeAsync()).Shards[1].Identities;
        await Task.WhenAll(Enumerable.Range(1100, 50).Select(EnrolAsync));
        GalleryDescription grown = await gallery.DescribeAsync();
        (grown.Identities, grown.Shards[1].Identities).ShouldBe((1150, heard + 50));
        await Until.TrueAsync(() => Spread(silos, [1, 1]));
        foreach (int person in new[] { 0, 999, 1049, 1050, 1149 })
        {
            IdentifyOutcome outcome = await silos.Grains.GetGrain<IIdentifyGrain>("growing").IdentifyAsync(
                new IdentifyQuery("growing", 1, Faces.Of(person, 99), 3, null, null, null, DateTimeOffset.UtcNow.AddSeconds(20), false));
            (outcome.Candidates[0].Identity, outcome.ShardsAnswered).ShouldBe((Faces.Name(person), 2));
        }
    }

    private static Task<bool> Spread(TestSilos silos, int[] wanted) => Task.FromResult(silos.OpenShards().SequenceEqual(wanted));

    /// <summary>Number of the silo that did it.</summary>
    private static async Task<int> EmbedAsync(TestSilos silos, int model)
    {
        await silos.Grains.GetGrain<IEmbedderGrain>($"model-{model}").EmbedAsync([new FaceCrop(16, new byte[16 * 16 * 3])]);
        lock (silos.Embedded)
            return silos.Embedded[^1];
    }
}
