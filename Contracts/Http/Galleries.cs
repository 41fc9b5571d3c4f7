using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>Creates (PUT) or changes (PATCH) a gallery; whatever is null takes its default or stays as it is.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record GalleryRequest
{
    public string? Description { get; init; }

    /// <summary>Name of the embedder, <c>external</c> for ready embeddings, or null for the active one. Only at creation.</summary>
    public string? Model { get; init; }

    /// <summary>Exactly one of <c>targetFpir</c> (over 0 to 0.5) and <c>score</c> (-1 to 1). Default: target FPIR 0.01.</summary>
    public ThresholdPolicy? Threshold { get; init; }

    /// <summary>Least lead over the runner-up, 0 to 1. Default 0.05.</summary>
    public float? Margin { get; init; }

    /// <summary>Score from which two templates of one identity are near-duplicates. Default 0.985.</summary>
    public float? NearDuplicateScore { get; init; }

    /// <summary>Only at creation. Default 1,000,000.</summary>
    public int? MaxTemplatesPerShard { get; init; }

    /// <summary>Metadata key whose values are cohorts, which a new model must not serve worse. 1 to 64 characters.</summary>
    public string? CohortKey { get; init; }

    /// <summary>Shards to begin with, 1 to 64. Only at creation. Default 1.</summary>
    public int? Shards { get; init; }

    /// <summary>
    /// Read replicas of each shard, 0 to 3, on other silos: copies in memory that answer for a shard that is late. Can be changed. Default 0.
    /// </summary>
    public int? Replicas { get; init; }

    /// <summary>
    /// Which images of enrolled faces are kept: <c>none</c> (the default), <c>crop</c> (the aligned face) or <c>original</c> (the file
    /// too), encrypted under a key per identity that its erasure destroys. Only at creation. Without images the gallery can neither be
    /// re-embedded (but to a compatible model) nor be a source of training.
    /// </summary>
    public Retention? Retention { get; init; }

    /// <summary>Follow a published successor of the gallery's model, where that is possible. Default true.</summary>
    public bool? AutoUpgrade { get; init; }
}

/// <summary>All galleries, ordered by id.</summary>
public sealed record GalleryList(IReadOnlyList<GalleryDescription> Items);
