using System.Globalization;
using FaceSearch.Grains.Shards;
using Orleans.Concurrency;

namespace FaceSearch.Grains.Replicas;

/// <summary>A replica of a shard; the key of its grain is <c>gallery/generation/shard/number</c>.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Number">Which of its replicas, from 0.</param>
internal readonly record struct ReplicaId(ShardId Shard, int Number)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Shard}/{Number}");

    public static ReplicaId Parse(string key)
    {
        int slash = key.LastIndexOf('/');
        return new(ShardId.Parse(key[..slash]), int.Parse(key.AsSpan(slash + 1), CultureInfo.InvariantCulture));
    }
}

/// <summary>A replica as it is now.</summary>
/// <param name="State"><c>idle</c>, <c>loading</c> or <c>ready</c>.</param>
/// <param name="Lsn">The shard's changes up to here are in it.</param>
/// <param name="Identities">Identities in it.</param>
/// <param name="Templates">Templates in it.</param>
/// <param name="Silo">Where it is.</param>
/// <param name="Reads">Searches that it answered.</param>
[GenerateSerializer, Immutable, Alias("fs.ReplicaStatus")]
public sealed record ReplicaStatus(
    [property: Id(0)] string State,
    [property: Id(1)] long Lsn,
    [property: Id(2)] long Identities,
    [property: Id(3)] long Templates,
    [property: Id(4)] SiloAddress Silo,
    [property: Id(5)] long Reads);

/// <summary>
/// A copy of one shard in memory that answers searches and never writes: it loads the shard's newest snapshot and follows its log as
/// storage has it, whoever writes that.
/// </summary>
[Alias("fs.IShardReplicaGrain")]
public interface IShardReplicaGrain : IGrainWithStringKey
{
    /// <param name="query">The search; <see cref="ShardQuery.MinLsn"/> is waited for.</param>
    /// <param name="latest">
    /// The answer holds all that was acknowledged before this call: the replica reads the log's head after the call has come, and catches up
    /// with it. False: it may be <see cref="ReplicaOptions.MaxStaleness"/> behind.
    /// </param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="FaceSearchException">shard-loading, shard-unavailable, overloaded, deadline-exceeded.</exception>
    [Alias("Search")] Task<ShardAnswer> SearchAsync(ShardQuery query, bool latest, CancellationToken cancellationToken = default);

    /// <summary>The shard has written up to <paramref name="lsn"/>. May be lost.</summary>
    /// <param name="lsn">Last LSN.</param>
    /// <param name="wake">Load the replica if it is not loaded yet.</param>
    [OneWay, Alias("Nudge")] Task NudgeAsync(long lsn, bool wake);

    [Alias("Status")] Task<ReplicaStatus> GetStatusAsync();

    /// <summary>Forgets everything; the gallery is being deleted.</summary>
    [Alias("Drop")] Task DropAsync();
}
