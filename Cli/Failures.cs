using System.Net.Http;
using FaceSearch.Cli.Client;
using FaceSearch.Cli.Terminal;
using FaceSearch.Vision;

namespace FaceSearch.Cli;

/// <summary>What can go wrong, said so that the reader knows what to do next.</summary>
internal static class Failures
{
    /// <summary>The words and exit code of an expected failure; null for a bug, which may crash with its stack trace.</summary>
    public static CliProblem? Describe(Exception exception, string server, CancellationToken cancellation) => exception switch
    {
        AggregateException many => Describe(many.InnerExceptions[0], server, cancellation),
        UsageException usage => new("usage", usage.Message, usage.Next, ExitCodes.Usage),
        ApiException api => OfServer(api, server),
        HttpRequestException http => Unreachable(http, server),
        OperationCanceledException when cancellation.IsCancellationRequested => new("cancelled", "Stopped.", "What was acknowledged stays; run the same command again to go on.", ExitCodes.Cancelled),
        OperationCanceledException => new("timed-out", $"The server at {server} did not answer in time.", "Whether the request took effect is unknown; repeating it is safe.", ExitCodes.Unavailable),
        ModelException model => new("model-unusable", model.Message, "See: facesearch models list", ExitCodes.Failed),
        ExecutionProviderUnavailableException provider => new("provider-unavailable", provider.Message, null, ExitCodes.Failed),
        ImageRejectedException image => new(image.Code, image.Message, null, ExitCodes.Failed),
        IOException or UnauthorizedAccessException => new("file-unreadable", exception.Message, null, ExitCodes.Failed),
        InvalidDataException or FormatException => new("data-invalid", exception.Message, null, ExitCodes.Failed),
        _ => null,
    };

    private static CliProblem OfServer(ApiException api, string server)
    {
        string? next = api.Type switch
        {
            ProblemTypes.Unauthenticated => "Give a key with --key or FACESEARCH_KEY; an administrator makes one with: facesearch keys create <name> --role identify",
            ProblemTypes.Forbidden => "This key's role does not allow it; an administrator can make another with: facesearch keys create <name> --role enrol",
            ProblemTypes.GalleryNotFound => "See: facesearch galleries list. Make one with: facesearch galleries create <id>",
            ProblemTypes.GalleryExists => "See: facesearch galleries describe <id>",
            ProblemTypes.ClustersNotFound => "Start one with: facesearch galleries cluster <id>",
            ProblemTypes.ClusteringRunning => "Run the command without --threshold to follow the one that is running.",
            ProblemTypes.IdentityNotFound => "See: facesearch identities list",
            ProblemTypes.ModelNotInstalled => "Install one where the server runs: facesearch models list, then facesearch models pull <name>",
            ProblemTypes.OperationSuperseded => "It had been enrolled and was erased since; to enrol it once more add: --attempt again",
            ProblemTypes.ShardLoading or ProblemTypes.Overloaded or ProblemTypes.TooManyRequests => "Try again in a moment.",
            ProblemTypes.SeveralFaces => "Choose with --faces largest, --faces central or --faces all.",
            _ => null,
        };
        bool later = api.Status is 429 or 503;
        return new(api.Type, api.Message, next, later ? ExitCodes.Unavailable : ExitCodes.Failed)
        {
            Status = api.Status == 0 ? null : api.Status,
            TraceId = api.TraceId,
        };
    }

    private static CliProblem Unreachable(HttpRequestException http, string server) => http.HttpRequestError switch
    {
        HttpRequestError.SecureConnectionError => new("server-unreachable", $"No secure connection to {server}: {http.Message}", "Check the address and the server's certificate.", ExitCodes.Unavailable),
        HttpRequestError.NameResolutionError => new("server-unreachable", $"There is no host of that name: {server}.", "Check --server (or FACESEARCH_SERVER).", ExitCodes.Unavailable),
        _ => new("server-unreachable", $"No server answers at {server}.", "Start one with: dotnet run -c Release --project Silo   (or name another with --server or FACESEARCH_SERVER)", ExitCodes.Unavailable),
    };
}
