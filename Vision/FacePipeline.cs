namespace FaceSearch.Vision;

/// <summary>
/// Bytes to faces: decode, detect, align, assess. It does not embed: crops travel to whoever batches. Without a
/// detector the picture itself is taken for a face thumbnail (FaceNet's fixed centre crop), with a warning.
/// Thread-safe; the caller keeps ownership of the decoder and the detector.
/// </summary>
public sealed class FacePipeline(
    ImageDecoder decoder, IFaceDetector? detector, ModelManifest embedder, QualityPolicy? policy = null) : IDisposable
{
    private readonly SemaphoreSlim _slots = new(decoder.Limits.MaxConcurrentDecodes);

    /// <summary>Minimum quality for enrolment, used where a call does not bring its own.</summary>
    public QualityPolicy Policy { get; } = policy ?? new QualityPolicy();

    /// <summary>True when no detector is installed.</summary>
    public bool TreatsImagesAsThumbnails => detector is null;

    /// <summary>Every face of a picture.</summary>
    /// <param name="image">The bytes of an image file.</param>
    /// <param name="policy">Minimum quality of this call; null for <see cref="Policy"/>.</param>
    /// <exception cref="ImageRejectedException">The image is refused.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public FaceAnalysis Analyse(ReadOnlyMemory<byte> image, QualityPolicy? policy = null, CancellationToken cancellation = default)
    {
        using DecodedImage decoded = decoder.Decode(image, cancellation);
        policy ??= Policy;
        if (detector is null)
            return new FaceAnalysis(decoded.OriginalWidth, decoded.OriginalHeight, [Thumbnail(decoded, policy)], [VisionWarnings.NoDetectorInstalled]);
        IReadOnlyList<DetectedFace> found = detector.Detect(decoded);
        var faces = new FaceCandidate[found.Count];
        for (int i = 0; i < faces.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            faces[i] = Candidate(decoded, found[i], policy);
        }
        return new FaceAnalysis(decoded.OriginalWidth, decoded.OriginalHeight, faces, []);
    }

    /// <summary>
    /// The same on the thread pool, at most <see cref="ImageLimits.MaxConcurrentDecodes"/> at a time; others wait
    /// without holding a thread, and no longer than <see cref="ImageLimits.QueueTimeout"/>.
    /// </summary>
    /// <exception cref="ImageRejectedException">The image is refused, or the wait was too long (busy).</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<FaceAnalysis> AnalyseAsync(ReadOnlyMemory<byte> image, QualityPolicy? policy = null, CancellationToken cancellation = default)
    {
        if (!await _slots.WaitAsync(decoder.Limits.QueueTimeout, cancellation).ConfigureAwait(false))
            throw ImageErrors.Busy();
        try
        {
            return await Task.Run(() => Analyse(image, policy, cancellation), cancellation).ConfigureAwait(false);
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <summary>Analyses a picture and embeds every face at once, without a batching queue: for offline evaluation.</summary>
    /// <returns>The analysis and one unit embedding per face, in the same order.</returns>
    /// <exception cref="ImageRejectedException">The image is refused.</exception>
    public (FaceAnalysis Analysis, float[][] Embeddings) AnalyseAndEmbed(
        ReadOnlyMemory<byte> image, IFaceEmbedder model, QualityPolicy? policy = null, CancellationToken cancellation = default)
    {
        FaceAnalysis analysis = Analyse(image, policy, cancellation);
        int dimension = model.Manifest.Dimension;
        float[] all = new float[analysis.Faces.Count * dimension];
        model.Embed([.. analysis.Faces.Select(f => f.Crop)], all);
        return (analysis, [.. all.Chunk(dimension)]);
    }

    /// <inheritdoc/>
    public void Dispose() => _slots.Dispose();

    private FaceCandidate Candidate(DecodedImage image, DetectedFace face, QualityPolicy policy)
    {
        AlignedFace crop = embedder.AlignmentTemplate is { } template
            ? FaceAligner.Align(image, face.Landmarks, template, embedder.Input.Width)
            : FaceAligner.BoxCrop(image, face.Box, embedder.Input.Width);
        FaceQuality quality = QualityAssessor.Assess(face, crop);
        return new FaceCandidate(
            face.Box, face.Landmarks, face.Score, quality, policy.Evaluate(quality), crop,
            Centrality(image, face.Box), face.Box.Area / ((float)image.OriginalWidth * image.OriginalHeight));
    }

    private FaceCandidate Thumbnail(DecodedImage image, QualityPolicy policy)
    {
        AlignedFace crop = FaceAligner.CentreCrop(image, embedder.Input.Width);
        FaceQuality quality = QualityAssessor.AssessThumbnail(image.OriginalWidth, image.OriginalHeight, crop);
        var box = new FaceBox(0, 0, image.OriginalWidth, image.OriginalHeight);
        return new FaceCandidate(box, null, 1, quality, policy.Evaluate(quality), crop, 1, 1);
    }

    /// <summary>1 - distance of the box's centre from the picture's, over half the diagonal.</summary>
    private static float Centrality(DecodedImage image, in FaceBox box)
    {
        float x = box.Centre.X - image.OriginalWidth / 2f, y = box.Centre.Y - image.OriginalHeight / 2f;
        float half = MathF.Sqrt((float)image.OriginalWidth * image.OriginalWidth + (float)image.OriginalHeight * image.OriginalHeight) / 2;
        return Math.Clamp(1 - MathF.Sqrt(x * x + y * y) / half, 0, 1);
    }
}
