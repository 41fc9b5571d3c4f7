using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Shards;
using FaceSearch.Storage;

namespace FaceSearch.Grains.Identities;

/// <summary>Finds, in one generation of a gallery, the shard that holds an identity.</summary>
internal readonly struct IdentityShards(IGrainFactory grains, GalleryView view, string identity)
{
    /// <summary>The shard that holds the identity or knows the operation; otherwise the newest layer's.</summary>
    public async Task<(IGalleryShardGrain Shard, bool KnowsOperation)> LocateAsync(string operationId)
    {
        int[] numbers = view.Map.ShardsOf(identity);
        if (numbers.Length == 1)
            return (Shard(numbers[0]), false);
        ShardClaim[] claims = await ClaimsAsync(numbers, operationId);
        int at = Array.FindIndex(claims, c => c.KnowsOperation);
        bool known = at >= 0;
        if (!known)
            at = Array.FindIndex(claims, c => c.HasIdentity);
        return (Shard(numbers[Math.Max(at, 0)]), known);
    }

    /// <summary>As <see cref="LocateAsync"/>, asking even a single shard what it knows.</summary>
    public async Task<(IGalleryShardGrain Shard, ShardClaim Claim)> ClaimAsync(string operationId)
    {
        int[] numbers = view.Map.ShardsOf(identity);
        ShardClaim[] claims = await ClaimsAsync(numbers, operationId);
        int at = Array.FindIndex(claims, c => c.KnowsOperation);
        if (at < 0)
            at = Math.Max(Array.FindIndex(claims, c => c.HasIdentity), 0);
        return (Shard(numbers[at]), claims[at]);
    }

    /// <summary>The shard that holds the identity and what its directory says; the newest layer's and null if none does.</summary>
    public async Task<(IGalleryShardGrain Shard, IdentityOutline? Outline)> OutlineAsync()
    {
        int[] numbers = view.Map.ShardsOf(identity);
        string[] asked = [identity];
        IdentityShards me = this;
        IdentityOutline?[][] found = await Task.WhenAll(numbers.Select(n => me.Shard(n).GetOutlinesAsync(asked)));
        int at = Math.Max(Array.FindIndex(found, f => f[0] is not null), 0);
        return (Shard(numbers[at]), found[at][0]);
    }

    /// <summary>The shard that holds the identity; otherwise the newest layer's.</summary>
    public async Task<IGalleryShardGrain> FindAsync() => view.Map.Layers == 1 ? Shard(view.Map.ShardsOf(identity)[0]) : (await OutlineAsync()).Shard;

    private async Task<ShardClaim[]> ClaimsAsync(int[] numbers, string operationId)
    {
        IdentityShards me = this;
        return await Task.WhenAll(numbers.Select(n => me.Shard(n).ClaimAsync(me.Name, operationId)));
    }

    private string Name => identity;

    private IGalleryShardGrain Shard(int number) => grains.GetGrain<IGalleryShardGrain>(view.Shard(number).ToString());
}
