namespace FaceSearch.Vision;

/// <summary>Options of <see cref="YuNetDetector"/>.</summary>
public sealed record DetectorOptions
{
    /// <summary>Smallest score kept, 0..1.</summary>
    public float ScoreThreshold { get; init; } = 0.6f;

    /// <summary>Boxes overlapping a better one by more than this intersection-over-union are dropped.</summary>
    public float NmsIou { get; init; } = 0.3f;

    /// <summary>Longest side the detector works on, in pixels.</summary>
    public int LongSide { get; init; } = 1_024;
}

/// <summary>YuNet (libfacedetection): boxes and five landmarks. Thread-safe.</summary>
public sealed class YuNetDetector : IFaceDetector, IDisposable
{
    /// <exception cref="ExecutionProviderUnavailableException">CUDA was demanded and is missing.</exception>
    public YuNetDetector(InstalledModel model, DetectorOptions? options = null, InferenceOptions? inference = null) => throw new NotImplementedException();

    /// <inheritdoc/>
    public IReadOnlyList<DetectedFace> Detect(DecodedImage image) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}
