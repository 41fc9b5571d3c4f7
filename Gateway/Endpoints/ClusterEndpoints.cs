using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.OpenApi;
using FaceSearch.Gateway.Security;
using FaceSearch.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace FaceSearch.Gateway.Endpoints;

/// <summary>The clustering of a gallery: start, follow, read its groups, cancel.</summary>
internal static class ClusterEndpoints
{
    private const int DefaultPage = 100, LargestPage = 1_000;

    public static void MapClusters(this IEndpointRouteBuilder api)
    {
        RouteGroupBuilder group = api.MapGroup("/galleries/{gallery}/clusters").WithTags("Clusters").RequireRateLimiting(RateLimits.Plain);
        group.MapPost("", StartAsync).Needs(ApiRole.Enrol).WithBody(new BodyDoc(typeof(ClusterRequest), Examples.Clusters))
            .WithDoc("startClusters", "Group a gallery by person",
                "Starts a job in the background: templates that seem to be of one person become a group. A group of several identities is one person enrolled more than once; "
                + "for people enrolled without a name the groups are the people. While a job of the same threshold runs, that one is returned; after a finished one only "
                + "new templates are searched. The outcome is kept in memory: after a restart of the server, start it again.",
                ProblemTypes.GalleryNotFound, ProblemTypes.ClusteringRunning);
        group.MapGet("", GetAsync).Needs(ApiRole.Identify)
            .WithDoc("getClusters", "Follow a clustering", "The job that runs, with its progress, or the last one.",
                ProblemTypes.GalleryNotFound, ProblemTypes.ClustersNotFound);
        group.MapGet("/groups", GroupsAsync).Needs(ApiRole.Identify)
            .WithDoc("listClusterGroups", "Read the groups of a clustering",
                "Groups of at least two templates of the newest finished job, largest first. What has been erased since is left out. `next` of a page is `after` of the next one; it is absent on the last.",
                ProblemTypes.GalleryNotFound, ProblemTypes.ClustersNotFound, ProblemTypes.ShardLoading);
        group.MapDelete("", CancelAsync).Needs(ApiRole.Enrol)
            .WithDoc("cancelClusters", "Cancel a clustering", "Ends the running job, if there is one, and answers with the last. The groups of an earlier finished job stay.",
                ProblemTypes.GalleryNotFound, ProblemTypes.ClustersNotFound);
    }

    private static async Task<Accepted<ClusterJob>> StartAsync(string gallery, HttpContext context, RequestReader reader, IGrainFactory grains)
    {
        IGalleryClustersGrain grain = Grain(grains, gallery);
        ClusterRequest request = await reader.JsonOnlyAsync(context, FaceSearchJson.Default.ClusterRequest, context.RequestAborted);
        return TypedResults.Accepted($"{HttpApi.Base}/galleries/{gallery}/clusters", await grain.StartAsync(request.Threshold));
    }

    private static async Task<Ok<ClusterJob>> GetAsync(string gallery, IGrainFactory grains) => TypedResults.Ok(await Grain(grains, gallery).GetAsync());

    private static async Task<Ok<ClusterGroupPage>> GroupsAsync(string gallery, HttpContext context, IGrainFactory grains)
    {
        IGalleryClustersGrain grain = Grain(grains, gallery);
        Fields fields = new(context.Request.Query);
        string? after = fields.Text("after");
        int limit = Check.Range("limit", fields.Int("limit"), 1, LargestPage) ?? DefaultPage;
        bool duplicates = fields.Bool("duplicates") ?? false;
        fields.RefuseUnknown();
        return TypedResults.Ok(await grain.GetGroupsAsync(after, limit, duplicates));
    }

    private static async Task<Ok<ClusterJob>> CancelAsync(string gallery, IGrainFactory grains) => TypedResults.Ok(await Grain(grains, gallery).CancelAsync());

    private static IGalleryClustersGrain Grain(IGrainFactory grains, string gallery) => grains.GetGrain<IGalleryClustersGrain>(Check.Gallery(gallery));
}
