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

/// <summary>API keys.</summary>
internal static class KeyEndpoints
{
    public static void MapKeys(this IEndpointRouteBuilder api)
    {
        RouteGroupBuilder group = api.MapGroup("/keys").WithTags("Administration").Needs(ApiRole.Admin).RequireRateLimiting(RateLimits.Plain);
        group.MapGet("", ListAsync).WithDoc("listKeys", "List API keys", "Without their texts, of which only hashes are kept.");
        group.MapPost("", CreateAsync).WithBody(new BodyDoc(typeof(KeyRequest), Examples.Key))
            .WithDoc("createKey", "Create an API key", "The answer is the only time the key's text is shown. From the first key on, nobody gets in without one.");
        group.MapDelete("/{id}", RevokeAsync)
            .WithDoc("revokeKey", "Revoke an API key", "At once here, within seconds at other gateways. The last admin key cannot be revoked.", ProblemTypes.KeyNotFound, ProblemTypes.LastAdminKey);
    }

    private static async Task<Ok<KeyList>> ListAsync(IGrainFactory grains) => TypedResults.Ok(new KeyList(await Grain(grains).ListAsync()));

    private static async Task<Created<CreatedKey>> CreateAsync(HttpContext context, RequestReader reader, IGrainFactory grains, ApiKeyRing ring)
    {
        KeyRequest request = await reader.JsonOnlyAsync(context, FaceSearchJson.Default.KeyRequest, context.RequestAborted);
        if (request.Name is not { Length: >= 1 and <= 128 } name || name.Any(char.IsControl))
            throw ProblemException.Invalid("'name' must be 1 to 128 characters without control characters.");
        ApiRole role = request.Role ?? throw ProblemException.Invalid("'role' is required: identify, enrol or admin.");
        NewApiKey made = await Grain(grains).CreateAsync(name, role);
        ring.Forget();
        ApiKeyDescription key = made.Description;
        return TypedResults.Created($"{HttpApi.Base}/keys/{key.Id}", new CreatedKey(key.Id, key.Name, key.Role, key.CreatedAt, made.Key));
    }

    private static async Task<NoContent> RevokeAsync(string id, IGrainFactory grains, ApiKeyRing ring)
    {
        await Grain(grains).RevokeAsync(id);
        ring.Forget();
        return TypedResults.NoContent();
    }

    private static IApiKeyGrain Grain(IGrainFactory grains) => grains.GetGrain<IApiKeyGrain>(IApiKeyGrain.Key);
}
