using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>Creates a key.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record KeyRequest
{
    /// <summary>For people, 1 to 128 characters.</summary>
    public string? Name { get; init; }

    public ApiRole? Role { get; init; }
}

/// <summary>A key with its text: the only time it is shown.</summary>
public sealed record CreatedKey(string Id, string Name, ApiRole Role, DateTimeOffset CreatedAt, string Key);

/// <summary>All keys, without their texts.</summary>
public sealed record KeyList(IReadOnlyList<ApiKeyDescription> Items);

/// <summary>What is running.</summary>
/// <param name="Version">Of FaceSearch.</param>
/// <param name="Commit">Of its source; null in an unversioned build.</param>
/// <param name="Api">Of the HTTP API.</param>
public sealed record VersionResponse(string Version, string? Commit, string Api);

/// <summary>Health: 200 when ready, 503 when not.</summary>
/// <param name="Status"><c>healthy</c>, <c>degraded</c> (ready, with something to mend) or <c>unhealthy</c>.</param>
/// <param name="Checks">One by one.</param>
public sealed record HealthResponse(string Status, IReadOnlyList<HealthCheckEntry> Checks);

/// <summary>One check.</summary>
/// <param name="Name">Such as <c>storage</c>, <c>embedder</c>, <c>detector</c>, <c>galleries</c>.</param>
/// <param name="Status">As in <see cref="HealthResponse"/>.</param>
/// <param name="Detail">For people.</param>
/// <param name="Data">Facts, such as <c>provider</c>.</param>
public sealed record HealthCheckEntry(string Name, string Status, string? Detail, IReadOnlyDictionary<string, string> Data);
