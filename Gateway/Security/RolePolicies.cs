using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace FaceSearch.Gateway.Security;

/// <summary>What each role may do: a role includes those below it.</summary>
internal static class RolePolicies
{
    /// <summary>Admins, and everybody on this very machine.</summary>
    public const string AdminOrThisMachine = "AdminOrThisMachine";

    public static string Name(ApiRole role) => role.ToString();

    public static void AddPolicies(this AuthorizationBuilder builder)
    {
        foreach (ApiRole role in Enum.GetValues<ApiRole>())
            builder.AddPolicy(Name(role), policy => policy.RequireAssertion(context => RoleOf(context.User) >= role));
        builder.AddPolicy(AdminOrThisMachine, policy => policy.RequireAssertion(context =>
            RoleOf(context.User) >= ApiRole.Admin || (context.Resource is HttpContext http && ApiKeyHandler.IsThisMachine(http))));
    }

    /// <summary>Demands a role of an endpoint or group.</summary>
    public static TBuilder Needs<TBuilder>(this TBuilder builder, ApiRole role) where TBuilder : IEndpointConventionBuilder
    {
        builder.RequireAuthorization(Name(role));
        return builder.WithMetadata(new RequiredRole(role));
    }

    private static ApiRole RoleOf(ClaimsPrincipal user) =>
        Enum.TryParse(user.FindFirstValue(ClaimTypes.Role), out ApiRole role) ? role : 0;
}

/// <summary>For the OpenAPI document.</summary>
internal sealed record RequiredRole(ApiRole Role);
