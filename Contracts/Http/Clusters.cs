using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>Starts a clustering of a gallery.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ClusterRequest
{
    /// <summary>Score at which two single templates become a group, over 0 and below 1. Default 0.52.</summary>
    public float? Threshold { get; init; }
}
