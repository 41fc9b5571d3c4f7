using System.Text.Json.Serialization;

namespace FaceSearch.Cli.Terminal;

/// <summary>A failure as the command line tells it.</summary>
/// <param name="Type">Stable slug: the server's problem type, or <c>usage</c>, <c>server-unreachable</c>, <c>model-unusable</c>, <c>file-unreadable</c>.</param>
/// <param name="Detail">One sentence: what happened.</param>
/// <param name="Next">What to do about it.</param>
/// <param name="ExitCode">See <see cref="ExitCodes"/>.</param>
internal sealed record CliProblem(string Type, string Detail, string? Next, int ExitCode)
{
    /// <summary>HTTP status, when a server answered.</summary>
    [JsonPropertyName("status")]
    public int? Status { get; init; }

    /// <summary>The server's trace id, for its log.</summary>
    public string? TraceId { get; init; }
}

/// <summary>The command cannot be carried out as it was written; nothing was done.</summary>
internal sealed class UsageException(string message, string? next = null) : Exception(message)
{
    /// <summary>What to do about it.</summary>
    public string? Next { get; } = next;
}
