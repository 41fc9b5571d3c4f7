using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace FaceSearch.Gateway.OpenApi;

/// <summary>The problem types an endpoint can answer, besides those that every endpoint can.</summary>
internal sealed record ProblemsDoc(IReadOnlyList<string> Types);

/// <summary>The bodies an endpoint reads by itself.</summary>
/// <param name="Json">Type of its JSON form.</param>
/// <param name="Example">JSON text.</param>
/// <param name="JsonMediaType">Media type of the JSON form.</param>
/// <param name="Form">Parts of its multipart form.</param>
/// <param name="RawImage">Whether the body may be an image file as such.</param>
internal sealed record BodyDoc(
    Type Json,
    [property: StringSyntax(StringSyntaxAttribute.Json)] string Example,
    string JsonMediaType = "application/json",
    IReadOnlyList<FormField>? Form = null,
    bool RawImage = false);

/// <summary>One part of a multipart form.</summary>
internal sealed record FormField(string Name, string Kind, string? Description = null, Type? Enum = null)
{
    public static FormField File(string name, string description) => new(name, "file", description);

    public static FormField Files(string name, string description) => new(name, "files", description);

    public static FormField Text(string name) => new(name, "text");

    public static FormField Number(string name) => new(name, "number");

    public static FormField Flag(string name) => new(name, "flag");

    public static FormField Json(string name, string description) => new(name, "text", description);

    public static FormField Choice(string name, Type type) => new(name, "choice", null, type);
}

internal static class DocExtensions
{
    /// <summary>Everything that the OpenAPI document says of an endpoint beyond its types.</summary>
    public static RouteHandlerBuilder WithDoc(this RouteHandlerBuilder builder, string id, string summary, string description, params string[] problems) =>
        builder.WithName(id).WithSummary(summary).WithDescription(description).WithMetadata(new ProblemsDoc(problems));

    public static RouteHandlerBuilder WithBody(this RouteHandlerBuilder builder, BodyDoc body) => builder.WithMetadata(body);
}
