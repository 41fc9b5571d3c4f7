using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>Asks for the embeddings of an image's faces. The same names serve as query parameters and multipart fields.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record TemplateRequest
{
    public byte[]? Image { get; init; }

    /// <summary>Embed for this gallery's model.</summary>
    public string? Gallery { get; init; }

    /// <summary>Embed with this model; null (and no gallery): the active one.</summary>
    public string? Model { get; init; }

    /// <summary>Default: all.</summary>
    public FacePolicy? Faces { get; init; }
}

/// <summary>A face's embedding, base64 of 512 bytes (128 little-endian float32). A biometric secret: keep it like one.</summary>
public sealed record FaceTemplate(Embedding Embedding, string Model, Face Face);

/// <summary>The embeddings of an image's faces, surest face first.</summary>
public sealed record TemplateResponse(IReadOnlyList<FaceTemplate> Templates, IReadOnlyList<string> Warnings);
