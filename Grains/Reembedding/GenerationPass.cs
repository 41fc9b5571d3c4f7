using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Identities;
using FaceSearch.Grains.Shards;
using FaceSearch.Storage;

namespace FaceSearch.Grains.Reembedding;

/// <summary>What one page of a pass found and did.</summary>
internal sealed record PassPage(string? Next, int Identities, int Templates, int Changed, int Embedded, int Copied, int WithoutImage, int Failed);

/// <summary>What comparing two whole generations found, and mended.</summary>
internal sealed record GenerationDifference(int Changed, long Templates, long Copied, long WithoutImage, long Failed);

/// <summary>
/// Brings the gallery's other generation to what the active one holds, page by page; what is the same already costs one comparison in
/// memory. Backfilling and catching up are the same pass: the first finds everything different, the last nothing.
/// </summary>
internal sealed class GenerationPass(IGrainFactory grains, string gallery, int to, bool compatible, FaceRecoder recoder, int pageSize)
{
    private const int AtOnce = 16;

    /// <summary>The identities of one shard of the active generation after a name.</summary>
    public async Task<PassPage> ForwardAsync(GalleryView view, int shard, string? after, CancellationToken cancellation)
    {
        IGalleryShardGrain source = Shard(view, shard);
        IReadOnlyList<StoredIdentity> page = await source.ListIdentitiesAsync(after, pageSize);
        GalleryView there = Other(view);
        Dictionary<string, IdentityOutline> outlines = await OutlinesAsync(there, [.. page.Select(i => i.Id)]);
        List<StoredIdentity> different = [.. page.Where(i => !IsSame(i, outlines.GetValueOrDefault(i.Id)))];
        TemplateId[] missing = [.. different.SelectMany(i => Missing(i, outlines.GetValueOrDefault(i.Id)))];
        Recoded recoded = await recoder.RunAsync(missing, cancellation);
        int embedded = recoded.Vectors.Count, copied = compatible ? await CopyVectorsAsync(source, recoded) : 0;
        List<StoredIdentity> changed = [.. different.Where(i => IsChanged(i, outlines.GetValueOrDefault(i.Id), recoded))];
        await Parallel.ForEachAsync(changed, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation }, async (identity, _) =>
        {
            Dictionary<TemplateId, Embedding> vectors = identity.Templates.Where(t => recoded.Vectors.ContainsKey(t.Id)).ToDictionary(t => t.Id, t => recoded.Vectors[t.Id]);
            await Identity(identity.Id).CopyAsync(to, view.Version, vectors);
        });
        return new PassPage(page.Count < pageSize ? null : page[^1].Id, page.Count, page.Sum(i => i.Templates.Count), changed.Count,
            embedded, copied, recoded.WithoutImage.Count, recoded.Failed.Count);
    }

    /// <summary>Removes from one shard of the other generation what the active one has not.</summary>
    public async Task<PassPage> BackwardAsync(GalleryView view, int shard, string? after, CancellationToken cancellation)
    {
        IReadOnlyList<StoredIdentity> page = await Shard(Other(view), shard).ListIdentitiesAsync(after, pageSize);
        Dictionary<string, IdentityOutline> outlines = await OutlinesAsync(view, [.. page.Select(i => i.Id)]);
        List<StoredIdentity> different = [.. page.Where(i => Missing(i, outlines.GetValueOrDefault(i.Id)).Any())];
        foreach (StoredIdentity identity in different)
        {
            cancellation.ThrowIfCancellationRequested();
            await Identity(identity.Id).CopyAsync(to, view.Version, new Dictionary<TemplateId, Embedding>());
        }
        return new PassPage(page.Count < pageSize ? null : page[^1].Id, page.Count, page.Sum(i => i.Templates.Count), different.Count, 0, 0, 0, 0);
    }

    /// <summary>Compares the generations in both directions and mends what differs.</summary>
    /// <param name="view">The gallery as it is at the moment of asking.</param>
    /// <param name="cancellation">Stops it between two pages.</param>
    public async Task<GenerationDifference> CompareAsync(Func<Task<GalleryView>> view, CancellationToken cancellation)
    {
        GenerationDifference found = new(0, 0, 0, 0, 0);
        for (int shard = 0; shard < (await view()).Map.ShardCount; shard++)
        {
            string? after = null;
            do
            {
                PassPage page = await ForwardAsync(await view(), shard, after, cancellation);
                found = new(found.Changed + page.Changed, found.Templates + page.Templates, found.Copied + page.Copied, found.WithoutImage + page.WithoutImage, found.Failed + page.Failed);
                after = page.Next;
            }
            while (after is not null);
        }
        for (int shard = 0; shard < ((await view()).Other?.Map.ShardCount ?? 0); shard++)
        {
            string? after = null;
            do
            {
                PassPage page = await BackwardAsync(await view(), shard, after, cancellation);
                found = found with { Changed = found.Changed + page.Changed };
                after = page.Next;
            }
            while (after is not null);
        }
        return found;
    }

    /// <summary>The page's identities with the templates that the other generation lacks.</summary>
    public static async Task<(List<(string Identity, TemplateId Template)> Missing, string? Next)> MissingAsync(
        IGrainFactory grains, GalleryView view, GalleryView there, string? after, int limit)
    {
        IReadOnlyList<StoredIdentity>[] pages = await Task.WhenAll(Enumerable.Range(0, view.Map.ShardCount)
            .Select(n => grains.GetGrain<IGalleryShardGrain>(view.Shard(n).ToString()).ListIdentitiesAsync(after, limit + 1)));
        List<StoredIdentity> merged = [.. pages.SelectMany(p => p).OrderBy(i => i.Id, StringComparer.Ordinal)];
        List<StoredIdentity> page = merged.Count > limit ? merged[..limit] : merged;
        Dictionary<string, IdentityOutline> outlines = await OutlinesAsync(grains, there, [.. page.Select(i => i.Id)]);
        return ([.. page.SelectMany(i => Missing(i, outlines.GetValueOrDefault(i.Id)).Select(t => (i.Id, t)))], merged.Count > limit ? page[^1].Id : null);
    }

    private static bool IsSame(StoredIdentity identity, IdentityOutline? there) =>
        there is not null && there.Version == identity.Version && there.Templates.Length == identity.Templates.Count
        && identity.Templates.All(t => Array.IndexOf(there.Templates, t.Id.Value) >= 0);

    /// <summary>False where all that differs are templates that cannot be moved.</summary>
    private static bool IsChanged(StoredIdentity identity, IdentityOutline? there, Recoded recoded) =>
        there is null || there.Version != identity.Version || Missing(identity, there).Any(recoded.Vectors.ContainsKey)
        || there.Templates.Any(t => identity.Templates.All(i => i.Id.Value != t));

    private static IEnumerable<TemplateId> Missing(StoredIdentity identity, IdentityOutline? there) =>
        identity.Templates.Select(t => t.Id).Where(t => there is null || Array.IndexOf(there.Templates, t.Value) < 0);

    /// <summary>Vectors of templates without an image, as they are: the models are compatible.</summary>
    private static async Task<int> CopyVectorsAsync(IGalleryShardGrain source, Recoded recoded)
    {
        ShardExport export = await source.ExportAsync([.. recoded.WithoutImage.Concat(recoded.Failed).Select(t => t.Value)]);
        for (int i = 0; i < export.Templates.Length; i++)
        {
            TemplateId template = new(export.Templates[i]);
            recoded.Vectors[template] = Embedding.Normalise(export.Vectors.AsSpan(i * Embedding.Dimension, Embedding.Dimension));
            recoded.WithoutImage.Remove(template);
            recoded.Failed.Remove(template);
        }
        return export.Templates.Length;
    }

    private Task<Dictionary<string, IdentityOutline>> OutlinesAsync(GalleryView view, string[] identities) => OutlinesAsync(grains, view, identities);

    private static async Task<Dictionary<string, IdentityOutline>> OutlinesAsync(IGrainFactory grains, GalleryView view, string[] identities)
    {
        Dictionary<string, IdentityOutline> outlines = new(StringComparer.Ordinal);
        var asked = identities.SelectMany(id => view.Map.ShardsOf(id), (id, shard) => (id, shard)).GroupBy(p => p.shard, p => p.id);
        foreach (var shard in asked)
        {
            string[] ids = [.. shard];
            IdentityOutline?[] found = await grains.GetGrain<IGalleryShardGrain>(view.Shard(shard.Key).ToString()).GetOutlinesAsync(ids);
            for (int i = 0; i < ids.Length; i++)
            {
                if (found[i] is { } outline)
                    outlines[ids[i]] = outline;
            }
        }
        return outlines;
    }

    private IIdentityCopyGrain Identity(string identity) => grains.GetGrain<IIdentityCopyGrain>(Ids.IdentityKey(gallery, identity));

    private IGalleryShardGrain Shard(GalleryView view, int number) => grains.GetGrain<IGalleryShardGrain>(view.Shard(number).ToString());

    private GalleryView Other(GalleryView view) => view.Of(to) ?? throw FaceSearchException.NoGallery(gallery);
}
