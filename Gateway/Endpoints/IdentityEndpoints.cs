using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.OpenApi;
using FaceSearch.Gateway.Problems;
using FaceSearch.Gateway.Security;
using FaceSearch.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace FaceSearch.Gateway.Endpoints;

/// <summary>Identities: list, describe, change metadata, erase.</summary>
internal static class IdentityEndpoints
{
    private const int DefaultPage = 100, LargestPage = 1_000;

    public static void MapIdentities(this IEndpointRouteBuilder api)
    {
        RouteGroupBuilder group = api.MapGroup("/galleries/{gallery}/identities").WithTags("Identities").RequireRateLimiting(RateLimits.Plain);
        group.MapGet("", ListAsync).Needs(ApiRole.Identify)
            .WithDoc("listIdentities", "List identities",
                "One page, ordered by id. `next` of a page is `after` of the next one; it is absent on the last.", ProblemTypes.GalleryNotFound);
        group.MapGet("/{identity}", GetAsync).Needs(ApiRole.Identify)
            .WithDoc("getIdentity", "Describe an identity", "Metadata, version and templates (without their embeddings).", ProblemTypes.GalleryNotFound, ProblemTypes.IdentityNotFound);
        group.MapPut("/{identity}/metadata", UpdateAsync).Needs(ApiRole.Enrol).WithBody(new BodyDoc(typeof(Dictionary<string, string>), Examples.Metadata))
            .WithDoc("updateMetadata", "Replace an identity's metadata",
                "With `If-Match: <version>` it fails with version-conflict if somebody else was first.",
                ProblemTypes.GalleryNotFound, ProblemTypes.IdentityNotFound, ProblemTypes.VersionConflict);
        group.MapDelete("/{identity}", EraseAsync).Needs(ApiRole.Enrol)
            .WithDoc("eraseIdentity", "Erase an identity",
                "Invisible at once; when the answer comes its templates are gone from memory, log and snapshots. Repeating it with the same `Idempotency-Key` gives the same receipt.",
                ProblemTypes.GalleryNotFound, ProblemTypes.IdentityNotFound);
        group.MapDelete("/{identity}/templates/{template}", RemoveTemplateAsync).Needs(ApiRole.Enrol)
            .WithDoc("removeTemplate", "Erase one template", "The identity stays, also without templates.",
                ProblemTypes.GalleryNotFound, ProblemTypes.IdentityNotFound, ProblemTypes.TemplateNotFound);
    }

    private static async Task<Ok<IdentityPage>> ListAsync(string gallery, IGrainFactory grains, HttpContext context)
    {
        Fields fields = new(context.Request.Query);
        string? after = fields.Text("after");
        int limit = Check.Range("limit", fields.Int("limit"), 1, LargestPage) ?? DefaultPage;
        fields.RefuseUnknown();
        return TypedResults.Ok(await grains.GetGrain<IGalleryGrain>(Check.Gallery(gallery)).ListIdentitiesAsync(after, limit));
    }

    private static async Task<Ok<IdentityDescription>> GetAsync(string gallery, string identity, IGrainFactory grains) =>
        TypedResults.Ok(await Grain(grains, gallery, identity).GetAsync());

    private static async Task<Ok<IdentityDescription>> UpdateAsync(string gallery, string identity, [FromHeader(Name = "If-Match")] string? ifMatch,
        HttpContext context, RequestReader reader, IGrainFactory grains)
    {
        IIdentityGrain grain = Grain(grains, gallery, identity);
        string operation = OperationId.Of(context);
        Dictionary<string, string> metadata = await reader.JsonOnlyAsync(context, FaceSearchJson.Default.DictionaryStringString, context.RequestAborted);
        return TypedResults.Ok(await grain.UpdateMetadataAsync(operation, Check.Metadata(metadata)!, Version(ifMatch)));
    }

    private static async Task<Ok<ErasureReceipt>> EraseAsync(string gallery, string identity, HttpContext context, IGrainFactory grains) =>
        TypedResults.Ok(await Grain(grains, gallery, identity).EraseAsync(OperationId.Of(context)));

    private static async Task<Ok<ErasureReceipt>> RemoveTemplateAsync(string gallery, string identity, string template, HttpContext context, IGrainFactory grains) =>
        TypedResults.Ok(await Grain(grains, gallery, identity).RemoveTemplateAsync(OperationId.Of(context), Check.Template(template)));

    private static IIdentityGrain Grain(IGrainFactory grains, string gallery, string identity) =>
        grains.GetGrain<IIdentityGrain>(Ids.IdentityKey(Check.Gallery(gallery), Check.Identity(identity)));

    private static long? Version(string? ifMatch) => ifMatch is null or "*" ? null
        : long.TryParse(ifMatch.Trim('"'), out long version) ? version
        : throw ProblemException.Invalid("'If-Match' must be the identity's version, a whole number.");
}
