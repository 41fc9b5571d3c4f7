using FaceSearch.Http;

namespace FaceSearch.Gateway.Problems;

/// <summary>A problem found at the HTTP edge, with the extension members that a <see cref="FaceSearchException"/> cannot carry.</summary>
internal sealed class ProblemException(Problem problem) : Exception(problem.Detail)
{
    public Problem Problem { get; } = problem;

    public static ProblemException Of(string type, string detail, int? status = null) => new(ProblemFactory.Create(type, detail, status));

    /// <summary>400 with a sentence that names the field, what was expected and what was got.</summary>
    public static ProblemException Invalid(string detail) => Of(ProblemTypes.InvalidRequest, detail);
}
