using FaceSearch.Grains.Galleries;

namespace FaceSearch.Grains.Identification;

/// <summary>What a read's consistency asks of each shard.</summary>
internal static class ReadPlan
{
    /// <summary>The newest change of a shard that the tokens name; 0 if none.</summary>
    public static long MinLsn(IReadOnlyList<ConsistencyToken>? after, ShardId shard)
    {
        long newest = 0;
        foreach (ConsistencyToken token in after ?? [])
        {
            if (token.Shard == shard)
                newest = Math.Max(newest, token.Lsn);
        }
        return newest;
    }

    /// <summary>
    /// A token of another generation says nothing of this one's log, though the change is in it: then only an answer that holds everything
    /// will do.
    /// </summary>
    public static ReadConsistency Of(IdentifyQuery query, GalleryView view) =>
        query.Consistency == ReadConsistency.Bounded && query.After?.Any(t => t.Shard.Generation != view.Generation) == true ? ReadConsistency.Latest : query.Consistency;

    /// <summary>A token names a shard that a view does not know: the view is old.</summary>
    public static bool Outgrows(IdentifyQuery query, GalleryView view) =>
        query.After?.Any(t => view.Of(t.Shard.Generation) is { } there && t.Shard.Shard >= there.Map.ShardCount) == true;
}
