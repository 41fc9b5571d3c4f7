using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace FaceSearch.Gateway.Security;

/// <summary>Headers that make browsers careful. Answers about people are never cached.</summary>
internal static class SecurityHeaders
{
    private const string Nothing = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

    /// <summary>The console: its own script and style, its own API, pictures from memory; nothing else.</summary>
    private const string Console = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        + "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

    /// <summary>The reference page (and the actors' dashboard) builds its styles at run time and starts from an inline script; still nothing from elsewhere.</summary>
    private const string Reference = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        + "font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

    public static void UseSecurityHeaders(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        IHeaderDictionary headers = context.Response.Headers;
        PathString path = context.Request.Path;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.XFrameOptions = "DENY";
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()";
        headers.CacheControl = "no-store";
        headers.ContentSecurityPolicy = path == "/" ? Console : path.StartsWithSegments("/reference") || path.StartsWithSegments("/dashboard") ? Reference : Nothing;
        return next(context);
    });
}
