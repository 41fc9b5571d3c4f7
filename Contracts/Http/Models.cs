using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>All models, newest first.</summary>
/// <param name="Items">Models in the registry.</param>
/// <param name="Detector">The face detector this gateway uses; null where none is installed.</param>
public sealed record ModelList(IReadOnlyList<ModelDescription> Items, string? Detector);

/// <summary>One model with its life so far.</summary>
/// <param name="Model">What it is, what it was made from and the figures it was compared on.</param>
/// <param name="History">Its steps, oldest first.</param>
/// <param name="Shadow">What it saw of live probes beside the active model; null if it never was in shadow.</param>
public sealed record ModelDetail(ModelDescription Model, IReadOnlyList<ModelStep> History, ShadowReport? Shadow);

/// <summary>Two models side by side.</summary>
/// <param name="A">The one.</param>
/// <param name="B">The other.</param>
/// <param name="Evaluation">Figures of the one against the other on the same people; null if they were never compared.</param>
/// <param name="Candidate">Which of the two was the candidate in it.</param>
/// <param name="Shadow">What one saw of live probes beside the other.</param>
public sealed record ModelPair(ModelDescription A, ModelDescription B, ModelEvaluation? Evaluation, string? Candidate, ShadowReport? Shadow);

/// <summary>Moves a model between candidate, shadow and retired.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ModelStatusRequest
{
    public ModelStatus? Status { get; init; }
}

/// <summary>Asks for an embedder to become the active one.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record PromotionRequest
{
    /// <summary>Promotes whatever the evidence says, for this reason, which is recorded. 1 to 500 characters.</summary>
    public string? Force { get; init; }

    /// <summary>Fewest people outside the training set that the comparison must rest on, 10 to 1,000,000. Default 20.</summary>
    public int? LeastPeople { get; init; }
}

/// <summary>Makes the embedder active again that was active before.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RollbackRequest
{
    /// <summary>Why; recorded. 1 to 500 characters.</summary>
    public string? Reason { get; init; }

    /// <summary>Of the models trained for this gallery alone; null: of those for all.</summary>
    public string? Gallery { get; init; }
}
