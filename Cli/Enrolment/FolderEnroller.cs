using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using FaceSearch.Cli.Client;
using FaceSearch.Http;

namespace FaceSearch.Cli.Enrolment;

/// <summary>How a folder is enrolled.</summary>
/// <param name="Gallery">Gallery id.</param>
/// <param name="Faces">Which face of several.</param>
/// <param name="OnConflict">What the server does about look-alikes.</param>
/// <param name="Metadata">Given to every identity; null leaves metadata alone.</param>
/// <param name="Parallel">Requests in flight.</param>
/// <param name="Attempt">See <see cref="OperationIds.ForImage"/>.</param>
internal sealed record EnrolmentSettings(
    string Gallery, FacePolicy Faces, ConflictPolicy OnConflict, IReadOnlyDictionary<string, string>? Metadata, int Parallel, string? Attempt);

/// <summary>
/// Sends every image of a folder as one operation of its own, several at a time over one connection pool. One image's
/// rejection never stops the others; a missing server, a wrong key or a missing gallery stops all.
/// </summary>
internal sealed class FolderEnroller(FaceSearchClient client, EnrolmentSettings settings)
{
    private static readonly HashSet<string> Fatal =
    [
        ProblemTypes.Unauthenticated, ProblemTypes.Forbidden, ProblemTypes.GalleryNotFound, ProblemTypes.ModelNotInstalled,
        ProblemTypes.StorageFull, ApiException.UnexpectedAnswer,
    ];

    /// <summary>Enrols; reports 1 for each image answered.</summary>
    /// <exception cref="ApiException">A failure that every further image would share.</exception>
    /// <exception cref="HttpRequestException">The server went away.</exception>
    public async Task<EnrolmentReport> RunAsync(PeopleFolder folder, IProgress<int> progress, CancellationToken cancellation)
    {
        Stopwatch clock = Stopwatch.StartNew();
        ConcurrentBag<ImageOutcome> outcomes = [];
        await Parallel.ForEachAsync(
            folder.Images,
            new ParallelOptions { MaxDegreeOfParallelism = settings.Parallel, CancellationToken = cancellation },
            async (image, token) =>
            {
                outcomes.Add(await EnrolAsync(image, token));
                progress.Report(1);
            });
        return EnrolmentReport.Of(settings.Gallery, folder, outcomes, clock.Elapsed.TotalSeconds);
    }

    private async Task<ImageOutcome> EnrolAsync(PersonImage image, CancellationToken cancellation)
    {
        byte[] bytes;
        try
        {
            bytes = await File.ReadAllBytesAsync(image.FullPath, cancellation);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new(image.RelativePath, image.Identity, ImageStatus.Failed, "file-unreadable", exception.Message, null);
        }
        string operation = OperationIds.ForImage(settings.Gallery, image.Identity, image.RelativePath, bytes, settings.Attempt);
        ImageOutcome Outcome(ImageStatus status, string? reason = null, string? detail = null) =>
            new(image.RelativePath, image.Identity, status, reason, detail, operation);
        try
        {
            EnrolRequest request = new()
            {
                Identity = image.Identity,
                Metadata = settings.Metadata,
                Images = [bytes],
                Faces = settings.Faces,
                OnConflict = settings.OnConflict,
            };
            EnrolResponse answer = await client.EnrolAsync(settings.Gallery, operation, request, cancellation);
            return answer.Rejected is [{ } rejected, ..]
                ? Outcome(ImageStatus.Rejected, Codes(rejected.Reason, rejected.Reasons), rejected.Detail)
                : Outcome(answer.Status == EnrolStatus.Replayed ? ImageStatus.Replayed : ImageStatus.Enrolled);
        }
        catch (ApiException refusal) when (!Fatal.Contains(refusal.Type))
        {
            return Refused(refusal.Problem, Outcome);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Outcome(ImageStatus.Failed, "timed-out", "No answer in time; whether it was enrolled is unknown. Run the command again.");
        }
    }

    private static ImageOutcome Refused(Problem problem, Func<ImageStatus, string?, string?, ImageOutcome> outcome)
    {
        ImageStatus status = problem switch
        {
            { Slug: ProblemTypes.EnrolmentConflict or ProblemTypes.OperationSuperseded } => ImageStatus.Conflict,
            { Status: >= 500 or 429 or 408 } => ImageStatus.Failed,
            _ => ImageStatus.Rejected,
        };
        if (problem.Conflicts is [{ } conflict, ..])
            return outcome(status, Kind(conflict.Kind), Describe(conflict));
        if (problem.Rejected is [{ } rejected, ..])
            return outcome(status, Codes(rejected.Reason, rejected.Reasons), rejected.Detail);
        return outcome(status, Codes(problem.Slug, problem.Reasons ?? (problem.Reason is null ? null : [problem.Reason])), problem.Detail);
    }

    private static string Describe(EnrolmentConflict conflict)
    {
        string score = conflict.Score.ToString("F3", CultureInfo.InvariantCulture);
        return conflict.Kind == ConflictKind.NearDuplicate
            ? $"'{conflict.Identity}' already has this picture or one almost like it (score {score})."
            : $"Looks like '{conflict.Identity}', who is already enrolled (score {score}). If it is somebody else: --on-conflict allow.";
    }

    private static string Kind(ConflictKind kind) => kind == ConflictKind.NearDuplicate ? "near-duplicate" : "looks-like-existing";

    private static string Codes(string reason, IReadOnlyList<string>? reasons) =>
        reasons is { Count: > 0 } ? $"{reason}: {string.Join(' ', reasons)}" : reason;
}
