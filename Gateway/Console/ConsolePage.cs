using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace FaceSearch.Gateway.Console;

/// <summary>The console page: a few embedded files, nothing from elsewhere.</summary>
internal static class ConsolePage
{
    private const string Prefix = "FaceSearch.Gateway.Console.";

    public static void MapConsole(this IEndpointRouteBuilder app)
    {
        foreach (string resource in Assembly.GetExecutingAssembly().GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            string file = resource[Prefix.Length..];
            Map(app, file == "index.html" ? "/" : $"/console/{file}", Read(resource), ContentType(file));
        }
    }

    private static void Map(IEndpointRouteBuilder app, string path, byte[] bytes, string contentType)
    {
        EntityTagHeaderValue tag = new($"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 8))}\"");
        app.MapGet(path, (HttpContext context) =>
        {
            // Revalidated each time, so that a new version is seen at once.
            context.Response.Headers.CacheControl = "no-cache";
            return TypedResults.Bytes(bytes, contentType, entityTag: tag);
        }).AllowAnonymous().ExcludeFromDescription();
    }

    private static string ContentType(string file) => Path.GetExtension(file) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        _ => "image/svg+xml",
    };

    private static byte[] Read(string resource)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!;
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
