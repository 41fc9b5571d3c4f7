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

/// <summary>The move of a gallery to another model: start, follow, cancel, roll back, retire, and who is to be enrolled again.</summary>
internal static class ReembeddingEndpoints
{
    private const int DefaultPage = 100, LargestPage = 1_000;
    private const double MostHours = 8_760;

    public static void MapReembedding(this IEndpointRouteBuilder api)
    {
        RouteGroupBuilder group = api.MapGroup("/galleries/{gallery}/reembedding").WithTags("Re-embedding").RequireRateLimiting(RateLimits.Plain);
        group.MapPost("", StartAsync).Needs(ApiRole.Admin).WithBody(new BodyDoc(typeof(ReembedRequest), Examples.Reembed))
            .WithDoc("startReembedding", "Move a gallery to another model",
                "Starts in the background and answers at once. The gallery goes on answering with its present model, and takes enrolments and erasures, which go to both generations; "
                + "every retained face is embedded anew; the new generation is proven and calibrated at the same FPIR; then one atomic switch. The old generation is kept for a rollback. "
                + "Refused where a gallery keeps no images (unless the models are compatible) or its embeddings are the callers' own.",
                ProblemTypes.GalleryNotFound, ProblemTypes.ModelNotFound, ProblemTypes.ModelNotInstalled, ProblemTypes.ReembeddingRunning, ProblemTypes.ReembeddingImpossible);
        group.MapGet("", GetAsync).Needs(ApiRole.Identify)
            .WithDoc("getReembedding", "Follow a re-embedding", "The one that runs, with its progress, or the last one.", ProblemTypes.GalleryNotFound, ProblemTypes.ReembeddingNotFound);
        group.MapDelete("", CancelAsync).Needs(ApiRole.Admin)
            .WithDoc("cancelReembedding", "Cancel a re-embedding", "Ends it before the switch and erases the new generation; the gallery stays as it was.",
                ProblemTypes.GalleryNotFound, ProblemTypes.ReembeddingNotFound, ProblemTypes.ReembeddingRunning);
        group.MapPost("/rollback", RollbackAsync).Needs(ApiRole.Admin)
            .WithDoc("rollbackReembedding", "Go back to the old model", "At once, with everything that was enrolled since. Possible while the old generation is kept.",
                ProblemTypes.GalleryNotFound, ProblemTypes.ReembeddingNotFound);
        group.MapPost("/retire", RetireAsync).Needs(ApiRole.Admin)
            .WithDoc("retireReembedding", "Erase the old generation", "After it there is no way back. It also happens by itself after the time it is kept for.",
                ProblemTypes.GalleryNotFound, ProblemTypes.ReembeddingNotFound);
        group.MapGet("/missing", MissingAsync).Needs(ApiRole.Enrol)
            .WithDoc("listMissingTemplates", "Who is to be enrolled again",
                "Templates that the new generation lacks, while both are kept: they had no retained image, or the new model did not take it. `next` of a page is `after` of the next one; a page may be empty and not the last.",
                ProblemTypes.GalleryNotFound, ProblemTypes.ReembeddingNotFound);
    }

    private static async Task<Accepted<ReembeddingStatus>> StartAsync(string gallery, HttpContext context, RequestReader reader, IGrainFactory grains)
    {
        IReembeddingGrain grain = Grain(grains, gallery);
        ReembedRequest request = await reader.JsonOnlyAsync(context, FaceSearchJson.Default.ReembedRequest, context.RequestAborted);
        if (string.IsNullOrEmpty(request.Model))
            throw ProblemException.Invalid("'model' is missing: name the embedder to move to.");
        if (request.KeepForHours is { } hours && !(hours is >= 0 and <= MostHours))
            throw ProblemException.Invalid($"'keepForHours' must be 0 to {MostHours}.");
        ReembeddingStatus status = await grain.StartAsync(new ReembeddingRequest(
            request.Model, request.MaxMissingShare, request.KeepForHours is { } keep ? TimeSpan.FromHours(keep) : null));
        return TypedResults.Accepted($"{HttpApi.Base}/galleries/{gallery}/reembedding", status);
    }

    private static async Task<Ok<ReembeddingStatus>> GetAsync(string gallery, IGrainFactory grains)
    {
        if (await Grain(grains, gallery).GetAsync() is { } status)
            return TypedResults.Ok(status);
        await grains.GetGrain<IGalleryGrain>(gallery).GetModelAsync();
        throw ProblemException.Of(ProblemTypes.ReembeddingNotFound, $"Gallery '{gallery}' has never been re-embedded. Start it with POST.");
    }

    private static async Task<Ok<ReembeddingStatus>> CancelAsync(string gallery, IGrainFactory grains) => TypedResults.Ok(await Grain(grains, gallery).CancelAsync());

    private static async Task<Ok<ReembeddingStatus>> RollbackAsync(string gallery, IGrainFactory grains, Catalogue catalogue)
    {
        ReembeddingStatus status = await Grain(grains, gallery).RollbackAsync();
        catalogue.Forget(gallery);
        return TypedResults.Ok(status);
    }

    private static async Task<Ok<ReembeddingStatus>> RetireAsync(string gallery, IGrainFactory grains) => TypedResults.Ok(await Grain(grains, gallery).RetireAsync());

    private static async Task<Ok<MissingTemplatePage>> MissingAsync(string gallery, HttpContext context, IGrainFactory grains)
    {
        IReembeddingGrain grain = Grain(grains, gallery);
        Fields fields = new(context.Request.Query);
        string? after = fields.Text("after");
        int limit = Check.Range("limit", fields.Int("limit"), 1, LargestPage) ?? DefaultPage;
        fields.RefuseUnknown();
        return TypedResults.Ok(await grain.ListMissingAsync(after, limit));
    }

    private static IReembeddingGrain Grain(IGrainFactory grains, string gallery) => grains.GetGrain<IReembeddingGrain>(Check.Gallery(gallery));
}
