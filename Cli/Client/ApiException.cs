using FaceSearch.Http;

namespace FaceSearch.Cli.Client;

/// <summary>The server refused a request; its RFC 9457 problem is kept whole.</summary>
internal sealed class ApiException(Problem problem) : Exception(problem.Detail)
{
    /// <summary>The type of an answer that is no problem document: another program listens there.</summary>
    public const string UnexpectedAnswer = "unexpected-answer";

    /// <summary>The server's words and extensions.</summary>
    public Problem Problem { get; } = problem;

    /// <summary>One of <see cref="ProblemTypes"/>, or <see cref="UnexpectedAnswer"/>.</summary>
    public string Type => Problem.Slug;

    /// <summary>HTTP status.</summary>
    public int Status => Problem.Status;

    /// <summary>Finds the request in the server's log.</summary>
    public string? TraceId => Problem.TraceId;
}
