using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Shards;
using FaceSearch.Storage;
using Orleans.Concurrency;

namespace FaceSearch.Grains.Reembedding;

/// <inheritdoc cref="IRetainedFacesGrain"/>
[StatelessWorker]
public sealed class RetainedFacesGrain(ICropStore crops, GalleryRoutes routes) : Grain, IRetainedFacesGrain
{
    private const int LargestPage = 100;

    public async Task<RetainedFacePage> ReadAsync(string? after, int identities, CancellationToken cancellationToken)
    {
        string gallery = this.GetPrimaryKeyString();
        if (identities is < 1 or > LargestPage)
            throw FaceSearchException.Invalid($"identities must be 1 to {LargestPage}; got {identities}.");
        GalleryView view = (await routes.GetAsync(gallery)).View;
        if (view.Settings.Retention == Retention.None)
            throw new FaceSearchException(ProblemTypes.RetentionNone, 409, $"Gallery '{gallery}' keeps no images: it cannot be a source of training.");
        IReadOnlyList<StoredIdentity>[] pages = await Task.WhenAll(Enumerable.Range(0, view.Map.ShardCount)
            .Select(n => GrainFactory.GetGrain<IGalleryShardGrain>(view.Shard(n).ToString()).ListIdentitiesAsync(after, identities + 1)));
        List<StoredIdentity> merged = [.. pages.SelectMany(p => p).OrderBy(i => i.Id, StringComparer.Ordinal)];
        List<StoredIdentity> page = merged.Count > identities ? merged[..identities] : merged;
        Dictionary<TemplateId, string> owners = page.SelectMany(i => i.Templates, (i, t) => (t.Id, Owner: i.Id)).ToDictionary(p => p.Id, p => p.Owner);
        RetainedImages images = await crops.ReadAsync(gallery, [.. owners.Keys], ImageKind.Crop, cancellationToken);
        List<RetainedFace> faces = [];
        foreach (RetainedImage image in images.Images)
        {
            if (RetainedCrop.TryRead(image.Bytes) is { } retained)
                faces.Add(new RetainedFace(owners[image.Template], image.Template, retained.Crop, retained.Model));
        }
        return new RetainedFacePage(faces, page.ToDictionary(i => i.Id, i => i.Metadata), merged.Count > identities ? page[^1].Id : null);
    }
}
