using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>Enrols one identity as JSON. The same names serve as multipart fields (then <c>image</c> is a file part, repeated).</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record EnrolRequest
{
    /// <summary>Identity id; null for one derived from the operation id.</summary>
    public string? Identity { get; init; }

    /// <summary>Replaces the identity's metadata; null leaves it.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>Up to 16 image files, base64.</summary>
    public IReadOnlyList<byte[]>? Images { get; init; }

    /// <summary>Up to 64 ready embeddings: each 128 numbers, or base64 of 512 bytes (little-endian float32), of unit length.</summary>
    public IReadOnlyList<Embedding>? Embeddings { get; init; }

    /// <summary>
    /// Model generation that the embedding is of, as the gallery's description names it. Default 1: a ready embedding is of the model
    /// that the gallery was created with, unless it says otherwise, so that a move to another model never mixes the two.
    /// </summary>
    public int? Generation { get; init; }

    /// <summary>Default: reject.</summary>
    public FacePolicy? Faces { get; init; }

    /// <summary>Default: report.</summary>
    public ConflictPolicy? OnConflict { get; init; }
}

/// <summary>A template that was enrolled.</summary>
/// <param name="Id">Template id.</param>
/// <param name="Image">Index, from 0, of the image (or embedding) it came from; null in a replayed answer.</param>
/// <param name="Face">The face; null for a ready embedding.</param>
public sealed record EnrolledTemplate(TemplateId Id, int? Image, Face? Face);

/// <summary>An image of which nothing was enrolled.</summary>
/// <param name="Image">Its index, from 0.</param>
/// <param name="Reason">image-rejected, no-face, several-faces or face-rejected.</param>
/// <param name="Detail">For people.</param>
/// <param name="Reasons">Codes behind <paramref name="Reason"/>.</param>
/// <param name="Faces">The faces found.</param>
public sealed record RejectedImage(int Image, string Reason, string Detail, IReadOnlyList<string>? Reasons = null, IReadOnlyList<Face>? Faces = null);

/// <summary>What an enrolment did: 201 when enrolled, 200 when replayed.</summary>
/// <param name="OperationId">Send it again as Idempotency-Key to repeat safely.</param>
/// <param name="Status">Enrolled or replayed; a conflict is a problem instead.</param>
/// <param name="Identity">Identity id.</param>
/// <param name="Version">The identity's version after it.</param>
/// <param name="Templates">What was added.</param>
/// <param name="Rejected">Images that gave nothing, and why.</param>
/// <param name="Warnings">Sentences.</param>
/// <param name="ConsistencyToken">What a read gives to be sure to see the enrolment, also where it allows an answer that is behind.</param>
public sealed record EnrolResponse(
    string OperationId,
    EnrolStatus Status,
    string Identity,
    long Version,
    IReadOnlyList<EnrolledTemplate> Templates,
    IReadOnlyList<RejectedImage> Rejected,
    IReadOnlyList<string> Warnings,
    string? ConsistencyToken = null);
