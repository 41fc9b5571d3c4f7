using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>Moves a gallery to another model.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ReembedRequest
{
    /// <summary>Name of the new embedder.</summary>
    public string? Model { get; init; }

    /// <summary>Share of templates, 0 to 1, that may be missing afterwards; more is refused. Default 0.01.</summary>
    public double? MaxMissingShare { get; init; }

    /// <summary>Hours for which the old generation is kept for a rollback, 0 to 8,760. Default 168.</summary>
    public double? KeepForHours { get; init; }
}
