namespace FaceSearch.Http;

/// <summary>An error (RFC 9457). The members after <paramref name="TraceId"/> are extensions, present where they help.</summary>
/// <param name="Type"><see cref="ProblemTypes.Prefix"/> + one of <see cref="ProblemTypes"/>: stable, for programs.</param>
/// <param name="Title">The kind of error in a few words.</param>
/// <param name="Status">The HTTP status; inside a bulk answer, the one the item alone would have had.</param>
/// <param name="Detail">What happened and what to do next, for people.</param>
/// <param name="TraceId">Finds the request in the server's log.</param>
/// <param name="OperationId">The operation id of the write that failed: retry with it.</param>
/// <param name="Reason">Code of an image's rejection, such as <c>too-many-pixels</c>.</param>
/// <param name="Reasons">Codes of a face's rejection, such as <c>blurred</c>.</param>
/// <param name="Faces">The faces found, where the caller must choose one.</param>
/// <param name="Conflicts">What stands against an enrolment.</param>
/// <param name="Rejected">Each image of an enrolment that had to be refused.</param>
/// <param name="RetryAfterSeconds">When it makes sense to try again; the same as the Retry-After header.</param>
public sealed record Problem(
    string Type,
    string Title,
    int Status,
    string Detail,
    string? TraceId = null,
    string? OperationId = null,
    string? Reason = null,
    IReadOnlyList<string>? Reasons = null,
    IReadOnlyList<Face>? Faces = null,
    IReadOnlyList<EnrolmentConflict>? Conflicts = null,
    IReadOnlyList<RejectedImage>? Rejected = null,
    double? RetryAfterSeconds = null)
{
    /// <summary>The part of <see cref="Type"/> after the prefix: one of <see cref="ProblemTypes"/>.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string Slug => Type.StartsWith(ProblemTypes.Prefix, StringComparison.Ordinal) ? Type[ProblemTypes.Prefix.Length..] : Type;
}
