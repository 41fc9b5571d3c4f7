using FaceSearch.Grains.Placement;
using FaceSearch.Grains.Replicas;
using FaceSearch.Grains.Shards;
using FaceSearch.Grains.Tests.Cluster;
using FaceSearch.Grains.Tests.Placement;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.TestingHost;

namespace FaceSearch.Grains.Tests.Replicas;

/// <summary>Several silos with one gallery whose shards have replicas.</summary>
internal sealed class ReplicaSilos(TestSilos silos, string gallery) : IAsyncDisposable
{
    private int _operations;

    public TestSilos Silos => silos;

    public IReadOnlyList<InProcessSiloHandle> Living => [.. silos.Cluster.Silos.Where(s => s.IsActive)];

    /// <param name="count">Silos.</param>
    /// <param name="gallery">Its name.</param>
    /// <param name="shards">Shards.</param>
    /// <param name="replicas">Replicas of each.</param>
    /// <param name="follows">False: replicas look at the log only when they are told or asked to.</param>
    /// <param name="maxTemplatesPerShard">When shards are added.</param>
    /// <param name="hedgeAfter">When a request counts as late; a later moment leaves more of the allowed share unspent.</param>
    public static async Task<ReplicaSilos> StartAsync(short count, string gallery, int shards, int replicas, bool follows = true, int maxTemplatesPerShard = 1_000_000, double hedgeAfter = 0.95)
    {
        TestSilos silos = await TestSilos.StartAsync(count, TimeSpan.FromSeconds(1), configure: services => services.Configure<ReplicaOptions>(o =>
        {
            o.HedgeAfterQuantile = hedgeAfter;
            o.Poll = follows ? TimeSpan.FromMilliseconds(200) : TimeSpan.FromHours(1);
            (o.MaxStaleness, o.GiveUp) = follows ? (o.MaxStaleness, o.GiveUp) : (TimeSpan.FromHours(2), TimeSpan.FromHours(3));
        }));
        ReplicaSilos made = new(silos, gallery);
        await silos.Grains.GetGrain<IGalleryGrain>(gallery).CreateAsync(new GallerySettings { Shards = shards, Replicas = replicas, MaxTemplatesPerShard = maxTemplatesPerShard });
        return made;
    }

    public ShardId Shard(int number = 0) => new(gallery, 1, number);

    public IGalleryShardGrain Primary(int shard = 0) => silos.Grains.GetGrain<IGalleryShardGrain>(Shard(shard).ToString());

    public IShardReplicaGrain Replica(int shard = 0, int number = 0) => silos.Grains.GetGrain<IShardReplicaGrain>(new ReplicaId(Shard(shard), number).ToString());

    /// <summary>The silo that has the shard open.</summary>
    public InProcessSiloHandle SeatOf(int shard = 0) =>
        Living.Single(s => s.ServiceProvider.GetRequiredService<OpenShards>().All.Any(open => open.Key == Shard(shard)));

    public async Task ReadyAsync(int shards, int replicas)
    {
        for (int shard = 0; shard < shards; shard++)
        {
            for (int number = 0; number < replicas; number++)
            {
                IShardReplicaGrain replica = Replica(shard, number);
                await Until.TrueAsync(async () => (await replica.GetStatusAsync()).State == "ready");
            }
        }
    }

    /// <summary>Makes a shard's searches slow on the silo that holds it; null: not any more.</summary>
    public void Slow(TimeSpan? by)
    {
        ShardOptions options = SeatOf().ServiceProvider.GetRequiredService<IOptions<ShardOptions>>().Value;
        (options.SlowBy, options.SlowShard) = (by ?? TimeSpan.Zero, by is null ? null : 0);
    }

    public Task<EnrolOutcome> EnrolAsync(int person, IGrainFactory? through = null) =>
        Identity(person, through).EnrolAsync(new EnrolCommand(Operation(), 1, [new NewTemplate(Faces.Of(person), TemplateQuality.Unknown)], null, ConflictPolicy.Allow));

    public Task<ErasureReceipt> EraseAsync(int person, IGrainFactory? through = null) => Identity(person, through).EraseAsync(Operation());

    /// <summary>Whether an identification finds the person; it must be a whole one.</summary>
    public async Task<(bool Found, int FromReplicas)> FindsAsync(int person, ReadConsistency consistency, string? token = null, IGrainFactory? through = null, TimeSpan? within = null)
    {
        ConsistencyToken[]? after = null;
        if (token is not null)
            ConsistencyToken.TryParse(token, gallery, out after).ShouldBeTrue();
        IdentifyOutcome outcome = await (through ?? silos.Grains).GetGrain<IIdentifyGrain>(gallery).IdentifyAsync(new IdentifyQuery(
            gallery, 1, Faces.Of(person, 99), 3, null, null, null, DateTimeOffset.UtcNow + (within ?? TimeSpan.FromSeconds(20)), false, consistency, after));
        outcome.ShardsAnswered.ShouldBe(outcome.ShardsTotal);
        return (outcome.Candidates.Any(c => c.Identity == Faces.Name(person)), outcome.ReplicasAnswered);
    }

    /// <summary>Whether the replica itself finds the person.</summary>
    public static async Task<bool> FindsAsync(IShardReplicaGrain replica, int person, bool latest, long minLsn = 0) =>
        (await replica.SearchAsync(new ShardQuery(Faces.Of(person, 99), 3, null, DateTimeOffset.UtcNow.AddSeconds(20), null, minLsn), latest))
            .Candidates.Any(c => c.Identity == Faces.Name(person));

    public async ValueTask DisposeAsync() => await silos.DisposeAsync();

    private IIdentityGrain Identity(int person, IGrainFactory? through) => (through ?? silos.Grains).GetGrain<IIdentityGrain>(Ids.IdentityKey(gallery, Faces.Name(person)));

    private string Operation() => $"operation-{Interlocked.Increment(ref _operations)}";
}
