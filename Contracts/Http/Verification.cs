using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>One side of a comparison: exactly one of the two.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record FaceInput
{
    /// <summary>An image file, base64; it must show one face (the largest is taken where there are several, with a warning).</summary>
    public byte[]? Image { get; init; }

    /// <summary>128 numbers, or base64 of 512 bytes (little-endian float32), of unit length.</summary>
    public Embedding? Embedding { get; init; }
}

/// <summary>Compares two faces. As multipart: file parts <c>a</c> and <c>b</c>, field <c>fmr</c>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record VerifyRequest
{
    public FaceInput? A { get; init; }

    public FaceInput? B { get; init; }

    /// <summary>Wanted false-match rate, over 0 to 0.5. Default 1e-3.</summary>
    public double? Fmr { get; init; }

    /// <summary>Embedder; null for the active one.</summary>
    public string? Model { get; init; }
}

/// <summary>The two faces that were compared; null for a ready embedding.</summary>
public sealed record VerifiedFaces(Face? A, Face? B);

/// <summary>Whether two faces are of one person.</summary>
/// <param name="Same">Score at or above the threshold.</param>
/// <param name="Score">Higher is closer.</param>
/// <param name="Threshold">The model's score at <paramref name="Fmr"/>.</param>
/// <param name="Fmr">False-match rate of one comparison at that threshold.</param>
/// <param name="Model">Embedder name.</param>
/// <param name="Faces">What was compared.</param>
/// <param name="Warnings">Sentences.</param>
public sealed record VerifyResponse(bool Same, float Score, float Threshold, double Fmr, string Model, VerifiedFaces Faces, IReadOnlyList<string> Warnings);

/// <summary>Compares a face with an enrolled identity. As multipart: file part <c>image</c>, field <c>fmr</c>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record IdentityVerifyRequest
{
    public byte[]? Image { get; init; }

    public Embedding? Embedding { get; init; }

    /// <summary>
    /// Model generation that the embedding is of, as the gallery's description names it. Default 1: a ready embedding is of the model
    /// that the gallery was created with, unless it says otherwise, so that a move to another model never mixes the two.
    /// </summary>
    public int? Generation { get; init; }

    /// <summary>Wanted false-match rate, over 0 to 0.5. Default 1e-3.</summary>
    public double? Fmr { get; init; }

    /// <summary>Tokens from the answers to writes, with commas between them: the comparison sees those writes.</summary>
    public string? ConsistencyToken { get; init; }
}

/// <summary>Whether a face is of an identity.</summary>
public sealed record IdentityVerifyResponse(bool Same, float Score, float Threshold, double Fmr, TemplateId BestTemplate, Face? Face, IReadOnlyList<string> Warnings);
