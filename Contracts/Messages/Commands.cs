using FaceSearch.Http;

namespace FaceSearch.Messages;

/// <summary>
/// Asks for an enrolment, as POST /galleries/{gallery}/identities does. Delivered at least once; the same operation id is applied once.
/// <see cref="EnrolmentFinished"/> is the answer. Sent to the queue <see cref="Queue"/>.
/// </summary>
/// <param name="OperationId">Idempotency key, 1 to 128 visible ASCII characters.</param>
/// <param name="Gallery">Gallery id.</param>
/// <param name="Identity">Identity id; null: one is made from the operation id.</param>
/// <param name="Metadata">Replaces the identity's metadata; null leaves it.</param>
/// <param name="Image">
/// Where the image is: an absolute <c>file:</c>, <c>http:</c> or <c>https:</c> URI that the server's allow list covers. Never the image
/// itself. It must stay there until the answer has come.
/// </param>
/// <param name="Faces">Which faces of the image are taken.</param>
/// <param name="OnConflict">What to do when the face is a near-duplicate, or looks like another identity.</param>
public sealed record EnrolFace(
    string OperationId,
    string Gallery,
    string? Identity,
    IReadOnlyDictionary<string, string>? Metadata,
    string Image,
    FacePolicy Faces = FacePolicy.Reject,
    ConflictPolicy OnConflict = ConflictPolicy.Report)
{
    /// <summary>Name of the queue that takes this command.</summary>
    public const string Queue = "facesearch-enrol-face";
}
