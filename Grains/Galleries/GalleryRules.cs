namespace FaceSearch.Grains.Galleries;

/// <summary>What gallery settings must satisfy; messages name the field and its bounds.</summary>
internal static class GalleryRules
{
    /// <summary>Read replicas of a shard, at most.</summary>
    public const int MostReplicas = 3;

    public static void Check(GallerySettings settings)
    {
        if (settings.Description is { Length: > 1000 })
            throw FaceSearchException.Invalid($"description is limited to 1000 characters; got {settings.Description.Length}.");
        Check(settings.Threshold);
        if (settings.Margin is < 0 or > 1 || float.IsNaN(settings.Margin))
            throw FaceSearchException.Invalid($"margin must be 0 to 1; got {settings.Margin}.");
        if (!(settings.NearDuplicateScore is > 0 and <= 1.01f))
            throw FaceSearchException.Invalid($"nearDuplicateScore must be above 0, at most 1 (1.01 switches the check off); got {settings.NearDuplicateScore}.");
        if (!Enum.IsDefined(settings.Retention))
            throw FaceSearchException.Invalid("retention must be none, crop or original.");
        if (settings.CohortKey is { } key && (key.Length is 0 or > 64 || key.Any(char.IsControl)))
            throw FaceSearchException.Invalid("cohortKey must be 1 to 64 characters without control characters.");
        if (settings.Shards is < 1 or > 64)
            throw FaceSearchException.Invalid($"shards must be 1 to 64; got {settings.Shards}.");
        if (settings.MaxTemplatesPerShard is < 1000 or > 20_000_000)
            throw FaceSearchException.Invalid($"maxTemplatesPerShard must be 1,000 to 20,000,000; got {settings.MaxTemplatesPerShard}.");
        if (settings.Replicas is < 0 or > MostReplicas)
            throw FaceSearchException.Invalid($"replicas must be 0 to {MostReplicas}; got {settings.Replicas}.");
    }

    /// <summary>What a gallery's choices rule out, in sentences; null for nothing.</summary>
    public static string[]? Impossible(GallerySettings settings) => settings.Model == GalleryGrain.ExternalModel
        ? ["Its embeddings are the callers' own: it can be neither re-embedded nor a source of training."]
        : settings.Retention == Retention.None
        ? [$"It keeps no images: it cannot be re-embedded, except to a model that is compatible with '{settings.Model}'.", "It keeps no images: it cannot be a source of training."]
        : null;

    public static void Check(ThresholdPolicy policy)
    {
        if (policy.TargetFpir.HasValue == policy.Score.HasValue)
            throw FaceSearchException.Invalid("A threshold is given either as targetFpir or as score.");
        if (policy.TargetFpir is { } fpir && !(fpir is > 0 and <= 0.5))
            throw FaceSearchException.Invalid($"targetFpir must be above 0, at most 0.5; got {fpir}.");
        if (policy.Score is { } score && !(score is >= -1 and <= 1))
            throw FaceSearchException.Invalid($"A threshold score must be -1 to 1; got {score}.");
    }
}
