using System.Net;
using System.Security.Claims;
using System.Text.Encodings.Web;
using FaceSearch.Gateway.Problems;
using FaceSearch.Http;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FaceSearch.Gateway.Security;

/// <summary>
/// Authenticates by API key. Where no key exists at all, a caller on this very machine is admin; nobody else ever is
/// without a key.
/// </summary>
internal sealed class ApiKeyHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logs, UrlEncoder encoder, ApiKeyRing ring)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logs, encoder)
{
    public const string SchemeName = "ApiKey";

    /// <summary>Id of the caller who needed no key.</summary>
    public const string LoopbackId = "loopback";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        // Health must answer before the cluster does: a gateway that has found no silo yet does not even know that there is a grain with keys.
        if (Context.GetEndpoint()?.Metadata.GetMetadata<IAllowAnonymous>() is not null)
            return AuthenticateResult.NoResult();
        string? presented = Presented(Request);
        KeyLookup lookup = await ring.LookUpAsync(presented);
        if (lookup.Key is { } key)
            return Success(key.Id, key.Role);
        if (presented is not null)
            return AuthenticateResult.Fail("The API key is not known: it was mistyped or revoked.");
        return !lookup.AnyKey && IsThisMachine(Context) ? Success(LoopbackId, ApiRole.Admin) : AuthenticateResult.NoResult();
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers.WWWAuthenticate = "ApiKey, Bearer";
        string? presented = Presented(Request);
        throw ProblemException.Of(ProblemTypes.Unauthenticated, presented is null
            ? $"Send an API key in the {HttpApi.KeyHeader} header. An admin makes keys with `facesearch keys create` or POST {HttpApi.Base}/keys."
            : "The API key is not known: it was mistyped or revoked.");
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        throw ProblemException.Of(ProblemTypes.Forbidden,
            $"This needs a key of a higher role than '{Context.User.FindFirstValue(ClaimTypes.Role)}'.");

    /// <summary>
    /// A direct connection from this machine: not one that a proxy forwards, nor one that a page of another site makes in
    /// the user's browser (by a foreign origin, or a name of its own that resolves to loopback).
    /// </summary>
    internal static bool IsThisMachine(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (context.Connection.RemoteIpAddress is not { } address || !IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address))
            return false;
        if (request.Headers.ContainsKey("X-Forwarded-For") || request.Headers.ContainsKey("Forwarded"))
            return false;
        string host = request.Host.Host;
        bool local = host is "localhost" || (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? literal) && IPAddress.IsLoopback(literal));
        if (!local || request.Headers["Sec-Fetch-Site"] is [("cross-site" or "same-site")])
            return false;
        return request.Headers.Origin is not [{ } origin]
            || (Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri) && string.Equals(uri.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase));
    }

    private static string? Presented(HttpRequest request)
    {
        if (request.Headers[HttpApi.KeyHeader] is [{ Length: > 0 } key, ..])
            return key;
        return request.Headers.Authorization is [{ } header, ..] && header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)
            ? header["Bearer ".Length..].Trim()
            : null;
    }

    private static AuthenticateResult Success(string id, ApiRole role)
    {
        ClaimsIdentity identity = new([new Claim(ClaimTypes.NameIdentifier, id), new Claim(ClaimTypes.Role, role.ToString())], SchemeName);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
    }
}
