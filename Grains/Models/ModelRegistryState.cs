namespace FaceSearch.Grains.Models;

/// <summary>A publication that has been decided and not yet been handed to the broker.</summary>
/// <param name="EventId">Of the message.</param>
/// <param name="Model">The model published.</param>
/// <param name="Sha256">Its digest.</param>
/// <param name="Replaces">The model whose galleries it is for.</param>
/// <param name="Gallery">The one gallery; null: all that use the replaced model.</param>
/// <param name="At">When it was decided.</param>
/// <param name="IsRollback">Galleries that still keep the old generation go back to it first.</param>
[GenerateSerializer, Immutable, Alias("fs.PendingPublication")]
public sealed record PendingPublication(
    [property: Id(0)] string EventId,
    [property: Id(1)] string Model,
    [property: Id(2)] string Sha256,
    [property: Id(3)] string Replaces,
    [property: Id(4)] string? Gallery,
    [property: Id(5)] DateTimeOffset At,
    [property: Id(6)] bool IsRollback);

/// <summary>The registry's stored state.</summary>
[GenerateSerializer, Alias("fs.ModelRegistryState")]
public sealed class ModelRegistryState
{
    [Id(0)] public List<ModelDescription> Models { get; set; } = [];

    /// <summary>Oldest first; the newest are kept.</summary>
    [Id(1)] public List<ModelStep> History { get; set; } = [];

    /// <summary>Changed together with <see cref="Models"/>: what is active and what is yet to be published never part.</summary>
    [Id(2)] public List<PendingPublication> Outbox { get; set; } = [];

    /// <summary>Number of the last publication.</summary>
    [Id(3)] public long Publications { get; set; }

    /// <summary>The model that each model took over from when it became active.</summary>
    [Id(4)] public Dictionary<string, string> TookOverFrom { get; set; } = new(StringComparer.Ordinal);
}
