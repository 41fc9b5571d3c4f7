using FaceSearch.Gateway.Faces;
using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.OpenApi;
using FaceSearch.Gateway.Problems;
using FaceSearch.Gateway.Security;
using FaceSearch.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace FaceSearch.Gateway.Endpoints;

/// <summary>Galleries: create, describe, change, calibrate, delete.</summary>
internal static class GalleryEndpoints
{
    public static void MapGalleries(this IEndpointRouteBuilder api)
    {
        RouteGroupBuilder group = api.MapGroup("/galleries").WithTags("Galleries").RequireRateLimiting(RateLimits.Plain);
        group.MapGet("", ListAsync).Needs(ApiRole.Identify)
            .WithDoc("listGalleries", "List galleries", "All galleries, ordered by id, each with its size, threshold and shards.");
        group.MapGet("/{gallery}", DescribeAsync).Needs(ApiRole.Identify)
            .WithDoc("describeGallery", "Describe a gallery", "Settings, model, size, the threshold in force and the state of every shard.", ProblemTypes.GalleryNotFound);
        group.MapPut("/{gallery}", CreateAsync).Needs(ApiRole.Admin).WithBody(new BodyDoc(typeof(GalleryRequest), Examples.Gallery))
            .WithDoc("createGallery", "Create a gallery",
                "`{}` takes every default: the active embedder, and a threshold at which one stranger in a hundred is answered `match`, whatever the gallery's size.",
                ProblemTypes.GalleryExists, ProblemTypes.ModelNotFound);
        group.MapPatch("/{gallery}", UpdateAsync).Needs(ApiRole.Admin).WithBody(new BodyDoc(typeof(GalleryRequest), Examples.GalleryChange))
            .WithDoc("updateGallery", "Change a gallery", "Whatever is left out stays. The model and the shard size cannot change.", ProblemTypes.GalleryNotFound);
        group.MapDelete("/{gallery}", DeleteAsync).Needs(ApiRole.Admin)
            .WithDoc("deleteGallery", "Delete a gallery", "Erases every template, snapshot and setting of it. Deleting a gallery that is not there succeeds.");
        group.MapPost("/{gallery}/calibrate", CalibrateAsync).Needs(ApiRole.Admin)
            .WithDoc("calibrateGallery", "Calibrate now",
                "Sets the threshold anew from the gallery's own impostor scores. It also happens by itself as the gallery grows.", ProblemTypes.GalleryNotFound);
    }

    private static async Task<Ok<GalleryList>> ListAsync(IGrainFactory grains)
    {
        IReadOnlyList<string> ids = await grains.GetGrain<IGalleryDirectoryGrain>(IGalleryDirectoryGrain.Key).ListAsync();
        GalleryDescription?[] found = await Task.WhenAll(ids.Select(id => TryDescribeAsync(grains, id)));
        return TypedResults.Ok(new GalleryList([.. found.OfType<GalleryDescription>()]));
    }

    private static async Task<Ok<GalleryDescription>> DescribeAsync(string gallery, IGrainFactory grains) =>
        TypedResults.Ok(await Grain(grains, gallery).DescribeAsync());

    private static async Task<Created<GalleryDescription>> CreateAsync(
        string gallery, HttpContext context, RequestReader reader, IGrainFactory grains, Catalogue catalogue)
    {
        IGalleryGrain grain = Grain(grains, gallery);
        GalleryRequest request = await reader.JsonOnlyAsync(context, FaceSearchJson.Default.GalleryRequest, context.RequestAborted);
        GallerySettings settings = Merge(new GallerySettings { Model = request.Model }, request);
        settings = settings with
        {
            MaxTemplatesPerShard = request.MaxTemplatesPerShard ?? settings.MaxTemplatesPerShard,
            Shards = request.Shards ?? settings.Shards,
            Retention = request.Retention ?? settings.Retention,
        };
        GalleryDescription made = await grain.CreateAsync(settings);
        catalogue.Forget(gallery);
        return TypedResults.Created($"{HttpApi.Base}/galleries/{gallery}", made);
    }

    private static async Task<Ok<GalleryDescription>> UpdateAsync(
        string gallery, HttpContext context, RequestReader reader, IGrainFactory grains, Catalogue catalogue)
    {
        IGalleryGrain grain = Grain(grains, gallery);
        GalleryRequest request = await reader.JsonOnlyAsync(context, FaceSearchJson.Default.GalleryRequest, context.RequestAborted);
        if (request.Model is not null || request.MaxTemplatesPerShard is not null || request.Shards is not null || request.Retention is not null)
            throw ProblemException.Invalid("'model', 'maxTemplatesPerShard', 'shards' and 'retention' are chosen at creation and cannot change; the model changes by re-embedding.");
        GallerySettings settings = Merge((await grain.DescribeAsync()).Settings, request);
        catalogue.Forget(gallery);
        return TypedResults.Ok(await grain.UpdateAsync(settings));
    }

    private static async Task<NoContent> DeleteAsync(string gallery, IGrainFactory grains, Catalogue catalogue)
    {
        await Grain(grains, gallery).DeleteAsync();
        catalogue.Forget(gallery);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<ThresholdInForce>> CalibrateAsync(string gallery, IGrainFactory grains) =>
        TypedResults.Ok(await Grain(grains, gallery).CalibrateAsync());

    private static IGalleryGrain Grain(IGrainFactory grains, string gallery) => grains.GetGrain<IGalleryGrain>(Check.Gallery(gallery));

    /// <summary>A gallery may be deleted between the list and the look.</summary>
    private static async Task<GalleryDescription?> TryDescribeAsync(IGrainFactory grains, string gallery)
    {
        try
        {
            return await grains.GetGrain<IGalleryGrain>(gallery).DescribeAsync();
        }
        catch (FaceSearchException e) when (e.Type == ProblemTypes.GalleryNotFound)
        {
            return null;
        }
    }

    private static GallerySettings Merge(GallerySettings settings, GalleryRequest request) => settings with
    {
        Description = request.Description ?? settings.Description,
        Threshold = request.Threshold ?? settings.Threshold,
        Margin = request.Margin ?? settings.Margin,
        CohortKey = request.CohortKey ?? settings.CohortKey,
        NearDuplicateScore = request.NearDuplicateScore ?? settings.NearDuplicateScore,
        AutoUpgrade = request.AutoUpgrade ?? settings.AutoUpgrade,
        Replicas = request.Replicas ?? settings.Replicas,
    };
}
