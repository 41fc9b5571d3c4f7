namespace FaceSearch.Vision;

/// <summary>One face of a picture, ready to be embedded.</summary>
/// <param name="Box">In original-picture pixels (after EXIF orientation).</param>
/// <param name="Landmarks">In original-picture pixels; null for a thumbnail treated as a face.</param>
/// <param name="Score">Detector confidence, 0..1.</param>
/// <param name="Quality">Measured quality.</param>
/// <param name="Rejections">Reasons against enrolling it; empty when good enough.</param>
/// <param name="Crop">Aligned crop for the embedder.</param>
/// <param name="Centrality">1 in the picture's centre, 0 in a corner.</param>
/// <param name="RelativeArea">Box area / picture area.</param>
public sealed record FaceCandidate(
    FaceBox Box,
    FaceLandmarks? Landmarks,
    float Score,
    FaceQuality Quality,
    IReadOnlyList<QualityRejection> Rejections,
    AlignedFace Crop,
    float Centrality,
    float RelativeArea);

/// <summary>What one picture holds. Faces are in descending score.</summary>
/// <param name="OriginalWidth">Pixels, after EXIF orientation.</param>
/// <param name="OriginalHeight">Pixels, after EXIF orientation.</param>
/// <param name="Faces">Every face found.</param>
/// <param name="Warnings">Stable codes; see <see cref="VisionWarnings"/>.</param>
public sealed record FaceAnalysis(
    int OriginalWidth, int OriginalHeight, IReadOnlyList<FaceCandidate> Faces, IReadOnlyList<string> Warnings)
{
    /// <summary>The face nearest to the picture's centre, or null.</summary>
    public FaceCandidate? MostCentral => Faces.MaxBy(f => f.Centrality);

    /// <summary>The face with the largest box, or null.</summary>
    public FaceCandidate? Largest => Faces.MaxBy(f => f.RelativeArea);
}

/// <summary>Stable warning codes.</summary>
public static class VisionWarnings
{
    /// <summary>No detector is installed: the whole picture was treated as a face thumbnail (fixed centre crop).</summary>
    public const string NoDetectorInstalled = "no-detector-installed";
}
