using System.Collections.Concurrent;
using FaceSearch.Vision;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FaceSearch.Gateway.Faces;

/// <summary>
/// The models that this gateway's own work needs: the detector's session, and the manifests of embedders, which say how
/// to align. What is not installed is looked for again every few seconds, so that pulling a model needs no restart.
/// </summary>
internal sealed partial class VisionModels(ModelStore store, IOptions<GatewayOptions> options, TimeProvider time, ILogger<VisionModels> log) : IDisposable
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(3);

    private readonly GatewayOptions _options = options.Value;
    private readonly ImageDecoder _decoder = new(options.Value.Images);
    private readonly Lock _loading = new();
    private readonly ConcurrentDictionary<string, FacePipeline> _pipelines = new(StringComparer.Ordinal);
    private DateTimeOffset _lookedAt = DateTimeOffset.MinValue;
    private YuNetDetector? _detector;

    /// <summary>Name of the detector in use; null where none is installed.</summary>
    public string? DetectorName { get; private set; }

    /// <summary>Folder that was searched.</summary>
    public string Folder => store.Folder;

    /// <summary>The pipeline that aligns for an embedder.</summary>
    /// <param name="embedder">Model name; null to look at faces without embedding them.</param>
    /// <exception cref="FaceSearchException">model-not-installed.</exception>
    public FacePipeline PipelineFor(string? embedder)
    {
        YuNetDetector? detector = Detector();
        string key = embedder ?? "";
        if (_pipelines.TryGetValue(key, out FacePipeline? pipeline))
            return pipeline;
        ModelManifest manifest = store.Find(ModelKind.Embedder, embedder)?.Manifest
            ?? (embedder is null ? ModelCatalogue.Models.FirstOrDefault(m => m.Kind == ModelKind.Embedder) : null)
            ?? throw NotInstalled(embedder);
        lock (_loading)
        {
            return _pipelines.GetOrAdd(key, _ => new FacePipeline(_decoder, detector, manifest, _options.Quality));
        }
    }

    /// <summary>True if two embedders take the same crop.</summary>
    public bool AlignAlike(string a, string b) =>
        store.Find(ModelKind.Embedder, a)?.Manifest is { } one && store.Find(ModelKind.Embedder, b)?.Manifest is { } other
        && one.Input.Width == other.Input.Width
        && (one.AlignmentTemplate ?? []).SequenceEqual(other.AlignmentTemplate ?? []);

    /// <summary>Loads the detector if that has not happened and it is there.</summary>
    public YuNetDetector? Detector()
    {
        if (_detector is { } ready)
            return ready;
        lock (_loading)
        {
            if (_detector is not null || time.GetUtcNow() - _lookedAt < LookAgain)
                return _detector;
            _lookedAt = time.GetUtcNow();
            if (store.Find(ModelKind.Detector) is not { } model)
                return null;
            _detector = new YuNetDetector(model, _options.Detector, _options.Inference);
            DetectorName = model.Manifest.Name;
            _pipelines.Clear();
            LogDetector(log, model.Manifest.Name);
            return _detector;
        }
    }

    public void Dispose()
    {
        foreach (FacePipeline pipeline in _pipelines.Values)
            pipeline.Dispose();
        _detector?.Dispose();
    }

    private static FaceSearchException NotInstalled(string? name)
    {
        string pull = name ?? ModelCatalogue.Models.FirstOrDefault(m => m.Kind == ModelKind.Embedder)?.Name ?? "<name>";
        return new FaceSearchException(ProblemTypes.ModelNotInstalled, 503,
            $"The embedder {(name is null ? "" : $"'{name}' ")}is not installed. Run `facesearch models pull {pull}`, or set FACESEARCH_MODELS to a folder that holds it.",
            TimeSpan.FromSeconds(30));
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Face detector {Detector} is in use")]
    private static partial void LogDetector(ILogger log, string detector);
}
