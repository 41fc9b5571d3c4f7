using System.Collections.Concurrent;

namespace FaceSearch.Grains.Galleries;

/// <summary>This silo's cache of gallery views. A stale view is harmless: shards answer with the version they know.</summary>
public sealed class GalleryRoutes(IGrainFactory grains)
{
    private readonly ConcurrentDictionary<string, GalleryRoute> _routes = new(StringComparer.Ordinal);

    /// <summary>The gallery's route, not older than <paramref name="atLeast"/>.</summary>
    /// <exception cref="FaceSearchException">gallery-not-found.</exception>
    public ValueTask<GalleryRoute> GetAsync(string gallery, long atLeast = 0) =>
        _routes.TryGetValue(gallery, out GalleryRoute? route) && route.View.Version >= atLeast ? new(route) : new(FetchAsync(gallery));

    /// <summary>Looks again at the next call, after a shard said that the gallery changed or is gone.</summary>
    public void Forget(string gallery) => _routes.TryRemove(gallery, out _);

    private async Task<GalleryRoute> FetchAsync(string gallery)
    {
        GalleryView? view = await grains.GetGrain<IGalleryRoutingGrain>(gallery).GetViewAsync();
        if (view is null)
        {
            Forget(gallery);
            throw FaceSearchException.NoGallery(gallery);
        }
        GalleryRoute route = new(view);
        return _routes.AddOrUpdate(gallery, route, (_, old) => old.View.Version > view.Version ? old : route);
    }
}
