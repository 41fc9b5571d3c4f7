using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>One line of a bulk enrolment: one operation on one identity, with one of embedding, embeddings and image.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record BulkItem
{
    /// <summary>Required: what makes the item safe to send again.</summary>
    public string? OperationId { get; init; }

    public string? Identity { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    public Embedding? Embedding { get; init; }

    public IReadOnlyList<Embedding>? Embeddings { get; init; }

    /// <summary>
    /// Model generation that the embedding is of, as the gallery's description names it. Default 1: a ready embedding is of the model
    /// that the gallery was created with, unless it says otherwise, so that a move to another model never mixes the two.
    /// </summary>
    public int? Generation { get; init; }

    /// <summary>An image file, base64.</summary>
    public byte[]? Image { get; init; }

    public FacePolicy? Faces { get; init; }

    public ConflictPolicy? OnConflict { get; init; }
}

/// <summary>How one item ended.</summary>
public enum BulkItemStatus
{
    /// <summary>Durable and searchable.</summary>
    Enrolled,

    /// <summary>Had been enrolled by an earlier run with the same operation id.</summary>
    Replayed,

    /// <summary>Near-duplicate, or looks like another identity; see the problem's conflicts.</summary>
    Conflict,

    /// <summary>The item itself is wrong: sending it again will not help.</summary>
    Rejected,

    /// <summary>The server could not, or does not know whether it did: send it again with the same operation id.</summary>
    Failed,
}

/// <summary>One line of a bulk answer: an item in order of completion, or (last, with nothing else) the summary.</summary>
/// <param name="Index">The item's place in the request, from 0.</param>
/// <param name="OperationId">As sent.</param>
/// <param name="Status">How it ended.</param>
/// <param name="Identity">Identity enrolled.</param>
/// <param name="Templates">Templates enrolled.</param>
/// <param name="Problem">Why not.</param>
/// <param name="Warnings">Sentences.</param>
/// <param name="Summary">Only on the last line. An answer without it was cut off: send everything unanswered again.</param>
public sealed record BulkLine(
    long? Index = null,
    string? OperationId = null,
    BulkItemStatus? Status = null,
    string? Identity = null,
    IReadOnlyList<TemplateId>? Templates = null,
    Problem? Problem = null,
    IReadOnlyList<string>? Warnings = null,
    BulkSummary? Summary = null);

/// <summary>Counts of a bulk enrolment.</summary>
/// <param name="Items">Items read.</param>
/// <param name="Templates">Templates added now.</param>
/// <param name="Seconds">From the first byte read to the last item done.</param>
public sealed record BulkSummary(long Items, long Enrolled, long Replayed, long Conflicts, long Rejected, long Failed, long Templates, double Seconds);
