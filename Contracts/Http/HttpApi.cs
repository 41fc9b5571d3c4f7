namespace FaceSearch.Http;

/// <summary>Names that server and clients of the HTTP API share.</summary>
public static class HttpApi
{
    /// <summary>Every operation of version 1 lives under this path.</summary>
    public const string Base = "/api/v1";

    /// <summary>Carries the API key; <c>Authorization: Bearer</c> works too.</summary>
    public const string KeyHeader = "X-Api-Key";

    /// <summary>Carries the operation id of a write; the server makes one where it is absent and returns it.</summary>
    public const string OperationHeader = "Idempotency-Key";

    public const string ProblemMediaType = "application/problem+json";

    /// <summary>One JSON value a line, UTF-8, ended by a line feed.</summary>
    public const string NdjsonMediaType = "application/x-ndjson";
}
