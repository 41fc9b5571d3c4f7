using System.Text;

namespace FaceSearch.Cli.Enrolment;

/// <summary>How one image ended.</summary>
public enum ImageStatus
{
    /// <summary>Durable and searchable.</summary>
    Enrolled,

    /// <summary>An earlier run had enrolled it.</summary>
    Replayed,

    /// <summary>A near-duplicate, or looks like somebody else; not enrolled.</summary>
    Conflict,

    /// <summary>The image will not do; sending it again does not help.</summary>
    Rejected,

    /// <summary>The server could not, or did not answer; run the command again.</summary>
    Failed,

    /// <summary>Never sent.</summary>
    Skipped,
}

/// <summary>One line of the report.</summary>
/// <param name="File">Path below the enrolled folder.</param>
/// <param name="Identity">Identity id; null for a skipped file.</param>
/// <param name="Status">How it ended.</param>
/// <param name="Reason">Stable code; null when enrolled.</param>
/// <param name="Detail">For people.</param>
/// <param name="OperationId">What a later run will recognise; null for a skipped file.</param>
public sealed record ImageOutcome(string File, string? Identity, ImageStatus Status, string? Reason, string? Detail, string? OperationId);

/// <summary>What an enrolment of a folder did. Its JSON form is stable.</summary>
/// <param name="Gallery">Gallery id.</param>
/// <param name="People">People with at least one image.</param>
/// <param name="Images">Images sent.</param>
/// <param name="Seconds">Wall clock.</param>
/// <param name="ImagesPerSecond">Images answered a second.</param>
/// <param name="NotEnrolled">Every image and file that was not enrolled, by path.</param>
public sealed record EnrolmentReport(
    string Gallery, int People, int Images, int Enrolled, int Replayed, int Conflicts, int Rejected, int Failed, int Skipped,
    double Seconds, double ImagesPerSecond, IReadOnlyList<ImageOutcome> NotEnrolled)
{
    /// <summary>Counts outcomes.</summary>
    public static EnrolmentReport Of(string gallery, PeopleFolder folder, IReadOnlyCollection<ImageOutcome> outcomes, double seconds)
    {
        int Count(ImageStatus status) => outcomes.Count(outcome => outcome.Status == status);
        IEnumerable<ImageOutcome> skipped = folder.Skipped.Select(file => new ImageOutcome(file.RelativePath, null, ImageStatus.Skipped, file.Reason, null, null));
        IEnumerable<ImageOutcome> notEnrolled = outcomes
            .Where(outcome => outcome.Status is not (ImageStatus.Enrolled or ImageStatus.Replayed))
            .Concat(skipped)
            .OrderBy(outcome => outcome.File, StringComparer.Ordinal);
        return new(
            gallery, folder.People, folder.Images.Count,
            Count(ImageStatus.Enrolled), Count(ImageStatus.Replayed), Count(ImageStatus.Conflict), Count(ImageStatus.Rejected), Count(ImageStatus.Failed),
            folder.Skipped.Count,
            Math.Round(seconds, 3),
            Math.Round(seconds > 0 ? outcomes.Count / seconds : 0, 1),
            [.. notEnrolled]);
    }

    /// <summary>Writes <see cref="NotEnrolled"/> as RFC 4180 CSV with a header.</summary>
    public void WriteCsv(TextWriter writer)
    {
        writer.Write("file,identity,status,reason,detail,operationId\r\n");
        foreach (ImageOutcome outcome in NotEnrolled)
        {
            string?[] fields = [outcome.File, outcome.Identity, Word(outcome.Status), outcome.Reason, outcome.Detail, outcome.OperationId];
            writer.Write(string.Join(',', fields.Select(Quoted)) + "\r\n");
        }
    }

    /// <summary>The lower-case word for a status.</summary>
    public static string Word(ImageStatus status) => status.ToString().ToLowerInvariant();

    private static string Quoted(string? field) =>
        field is null ? "" : field.AsSpan().ContainsAny(",\"\r\n") ? new StringBuilder(field).Replace("\"", "\"\"").Insert(0, '"').Append('"').ToString() : field;
}
