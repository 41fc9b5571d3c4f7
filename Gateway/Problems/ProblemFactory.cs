using System.Text.Json;
using FaceSearch.Http;
using FaceSearch.Vision;
using Microsoft.AspNetCore.Http;
using Orleans.Runtime;

namespace FaceSearch.Gateway.Problems;

/// <summary>Turns what went wrong into the problem that the caller sees.</summary>
internal static class ProblemFactory
{
    private const string UnknownOutcome = "Whether a change was made is not known: send it again with the same Idempotency-Key.";

    public static Problem Create(string type, string detail, int? status = null) =>
        new(ProblemTypes.Prefix + type, ProblemTitles.Title(type), status ?? ProblemTitles.Status(type), detail);

    /// <summary>The problem for an exception; unknown ones become internal-error and say nothing of their cause.</summary>
    public static Problem From(Exception exception) => exception switch
    {
        ProblemException e => e.Problem,
        FaceSearchException e => Create(e.Type, e.Message, e.Status) with { RetryAfterSeconds = e.RetryAfter?.TotalSeconds },
        // Orleans wraps what a grain's storage throws.
        OrleansException { InnerException: FaceSearchException e } => From(e),
        ImageRejectedException e => From(e),
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => Create(
            ProblemTypes.TooLarge, "The request body is larger than this endpoint takes."),
        BadHttpRequestException e => Create(ProblemTypes.InvalidRequest, e.Message, e.StatusCode),
        JsonException e => Create(ProblemTypes.InvalidRequest, Json(e)),
        GatewayTooBusyException or LimitExceededException => Create(
            ProblemTypes.Overloaded, "The server has more work than it can take. Try again shortly.") with { RetryAfterSeconds = 1 },
        TimeoutException => Create(ProblemTypes.DeadlineExceeded, "The server did not finish in time. " + UnknownOutcome) with { RetryAfterSeconds = 1 },
        OperationCanceledException => Create(ProblemTypes.DeadlineExceeded, "The deadline passed before the answer was ready. " + UnknownOutcome),
        _ when exception is Orleans.Runtime.Messaging.ConnectionFailedException || Transient.Is(exception) => Create(
            ProblemTypes.ShardUnavailable, "A part of the cluster cannot be reached at the moment. " + UnknownOutcome) with { RetryAfterSeconds = 2 },
        _ => Create(ProblemTypes.Internal, "The server failed in a way it did not expect. Its log has the details under the trace id."),
    };

    private static Problem From(ImageRejectedException rejected) => rejected.Reason == ImageRejection.Busy
        ? Create(ProblemTypes.Overloaded, rejected.Message, 429) with { Reason = rejected.Code, RetryAfterSeconds = 1 }
        : Create(ProblemTypes.ImageRejected, rejected.Message) with { Reason = rejected.Code };

    /// <summary>The parser's words without the .NET type names it likes to quote.</summary>
    private static string Json(JsonException e)
    {
        string path = string.IsNullOrEmpty(e.Path) || e.Path == "$" ? "" : $" at '{e.Path}'";
        string message = e.Message;
        int cut = message.IndexOf(" Path:", StringComparison.Ordinal);
        if (cut >= 0)
            message = message[..cut];
        if (message.Contains("could not be converted", StringComparison.Ordinal))
            message = "The value has the wrong type, or is not one of the allowed ones.";
        else if (message.Contains("could not be mapped to any .NET member", StringComparison.Ordinal))
            message = "There is no such property.";
        else if (message.Contains("input does not contain any JSON", StringComparison.Ordinal))
            message = "The body is empty.";
        return $"The JSON is not valid{path}: {message}";
    }
}
