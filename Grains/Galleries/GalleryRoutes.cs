using System.Collections.Concurrent;
using FaceSearch.Grains.Telemetry;

namespace FaceSearch.Grains.Galleries;

/// <summary>This silo's cache of gallery views. A stale view is harmless: shards answer with the version they know.</summary>
public sealed class GalleryRoutes(IGrainFactory grains)
{
    private readonly ConcurrentDictionary<string, GalleryRoute> _routes = new(StringComparer.Ordinal);

    /// <summary>The gallery's route, not older than <paramref name="atLeast"/>.</summary>
    /// <exception cref="FaceSearchException">gallery-not-found.</exception>
    public ValueTask<GalleryRoute> GetAsync(string gallery, long atLeast = 0) =>
        _routes.TryGetValue(gallery, out GalleryRoute? route) && route.View.Version >= atLeast ? new(route) : new(FetchAsync(gallery));

    /// <summary>The gallery's route, looked up anew if the cached one does not know the generation that a request has pinned.</summary>
    /// <exception cref="FaceSearchException">gallery-not-found, generation-mismatch.</exception>
    public async ValueTask<GalleryRoute> PinnedAsync(string gallery, int generation)
    {
        GalleryRoute route = await GetAsync(gallery);
        if (route.For(generation) is null)
            route = await FetchAsync(gallery);
        return route.For(generation) is not null ? route : throw Identities.Conflicts.WrongGeneration(gallery, generation, route.View.Generation);
    }

    /// <summary>
    /// Does something with the gallery's route; once more with a new one if the shards it leads to are gone: the cached one was from
    /// before a generation was taken out of use.
    /// </summary>
    public async Task<T> WithAsync<T>(string gallery, Func<ValueTask<GalleryRoute>> find, Func<GalleryRoute, Task<T>> work)
    {
        GalleryRoute route = await find();
        try
        {
            return await work(route);
        }
        catch (FaceSearchException e) when (e.Type == ProblemTypes.GalleryNotFound)
        {
            Forget(gallery);
            GalleryRoute anew = await find();
            if (anew.View.Version == route.View.Version)
                throw;
            return await work(anew);
        }
    }

    /// <summary>
    /// As <see cref="GetAsync"/>, waiting for a version that shards have been told of and that comes into use at any moment.
    /// </summary>
    /// <exception cref="FaceSearchException">gallery-not-found; shard-unavailable when it does not come.</exception>
    public async ValueTask<GalleryRoute> WaitForAsync(string gallery, long version)
    {
        for (int attempt = 0; attempt < 1000; attempt++)
        {
            GalleryRoute route = await GetAsync(gallery, version);
            if (route.View.Version >= version)
                return route;
            await Task.Delay(5);
        }
        throw new FaceSearchException(ProblemTypes.ShardUnavailable, 503, $"A change of gallery '{gallery}' does not come into use.", TimeSpan.FromSeconds(1));
    }

    /// <summary>Looks again at the next call, after a shard said that the gallery changed or is gone.</summary>
    public void Forget(string gallery) => _routes.TryRemove(gallery, out _);

    private async Task<GalleryRoute> FetchAsync(string gallery)
    {
        GalleryView? view = await grains.GetGrain<IGalleryRoutingGrain>(gallery).GetViewAsync();
        if (view is null)
        {
            Forget(gallery);
            GrainMetrics.Forget(gallery);
            throw FaceSearchException.NoGallery(gallery);
        }
        GalleryRoute route = new(view);
        GrainMetrics.Calibrated(gallery, view.Calibration.At);
        return _routes.AddOrUpdate(gallery, route, (_, old) => old.View.Version > view.Version ? old : route);
    }
}
