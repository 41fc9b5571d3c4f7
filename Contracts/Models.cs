namespace FaceSearch;

/// <summary>Where a model stands in its life.</summary>
public enum ModelStatus
{
    Candidate,
    Shadow,
    Active,
    Retired,
}

/// <summary>A model the system knows: facts, not bytes.</summary>
/// <param name="Name">Unique name; for embedders also the key of <see cref="IEmbedderGrain"/>.</param>
/// <param name="Kind"><c>embedder</c> or <c>detector</c>.</param>
/// <param name="Sha256">Of the ONNX file, lower-case hexadecimal.</param>
/// <param name="Licence">SPDX id or a sentence.</param>
/// <param name="Source">Where it came from.</param>
/// <param name="Status">Candidate, shadow, active or retired.</param>
/// <param name="RegisteredAt">When this system first saw it.</param>
/// <param name="EvaluationReport">Figures it was admitted on, as JSON; null if never evaluated here.</param>
/// <param name="OperatingPoints">The model's general false-match figures, most permissive first: the prior of every threshold.</param>
/// <param name="CompatibleWith">An older model with whose embeddings this one's can be compared; null for none.</param>
[GenerateSerializer, Immutable, Alias("fs.ModelDescription")]
public sealed record ModelDescription(
    [property: Id(0)] string Name,
    [property: Id(1)] string Kind,
    [property: Id(2)] string Sha256,
    [property: Id(3)] string Licence,
    [property: Id(4)] string Source,
    [property: Id(5)] ModelStatus Status,
    [property: Id(6)] DateTimeOffset RegisteredAt,
    [property: Id(7)] string? EvaluationReport,
    [property: Id(8)] IReadOnlyList<OperatingPoint> OperatingPoints,
    [property: Id(9)] string? CompatibleWith = null);

/// <summary>A score and the false-match rate of one comparison at it.</summary>
[GenerateSerializer, Immutable, Alias("fs.OperatingPoint")]
public sealed record OperatingPoint([property: Id(0)] double Fmr, [property: Id(1)] float Score);

/// <summary>The singleton registry of models (key <see cref="Key"/>).</summary>
[Alias("fs.IModelRegistryGrain")]
public interface IModelRegistryGrain : IGrainWithStringKey
{
    public const string Key = "models";

    /// <summary>All models, newest first.</summary>
    [Alias("List")] Task<IReadOnlyList<ModelDescription>> ListAsync();

    /// <summary>Null if unknown.</summary>
    [Alias("Find")] Task<ModelDescription?> FindAsync(string name);

    /// <summary>Adds or refreshes a model; a known name with another SHA-256 is refused. The first embedder becomes active.</summary>
    [Alias("Register")] Task<ModelDescription> RegisterAsync(ModelDescription model);

    /// <summary>Moves a model along candidate -> shadow -> active -> retired (or back from retired to active); activating one retires the active one of its kind.</summary>
    [Alias("SetStatus")] Task<ModelDescription> SetStatusAsync(string name, ModelStatus status);

    /// <summary>The active embedder; null where none is installed.</summary>
    [Alias("ActiveEmbedder")] Task<ModelDescription?> GetActiveEmbedderAsync();
}

/// <summary>An aligned face: RGB, 8 bits, row by row; only crops travel to grains, never uploads.</summary>
[GenerateSerializer, Immutable, Alias("fs.FaceCrop")]
public sealed record FaceCrop([property: Id(0)] int Size, [property: Id(1)] byte[] Rgb)
{
    /// <summary>Never the pixels.</summary>
    public override string ToString() => $"FaceCrop({Size}x{Size})";
}

/// <summary>Embeds aligned faces. Stateless worker, one a silo, which gathers concurrent calls into batches; the key is the model's name.</summary>
[Alias("fs.IEmbedderGrain")]
public interface IEmbedderGrain : IGrainWithStringKey
{
    /// <summary>One embedding a crop, in order.</summary>
    /// <exception cref="FaceSearchException">model-not-installed; overloaded when the queue is full.</exception>
    [Alias("Embed")] Task<IReadOnlyList<Embedding>> EmbedAsync(IReadOnlyList<FaceCrop> crops, CancellationToken cancellationToken = default);
}
