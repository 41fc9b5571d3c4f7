namespace FaceSearch.Vision;

/// <summary>
/// Minimum quality for enrolment. The defaults keep ordinary press photographs (99.7 % of LFW; percentiles in
/// bench/results/vision.md) and refuse what no embedder can tell apart.
/// </summary>
public sealed record QualityPolicy
{
    /// <summary>Minimum detector score, 0..1. A dog's face can reach 0.87; 99.9 % of LFW's faces reach 0.897.</summary>
    public float MinDetectorScore { get; init; } = 0.88f;

    /// <summary>Minimum shorter side of the face box in original pixels (FaceNet loses half of its VAL at 40 x 40).</summary>
    public float MinFaceSize { get; init; } = 32;

    /// <summary>Minimum <see cref="FaceQuality.Sharpness"/>; 99.9 % of LFW's faces reach 13.</summary>
    public float MinSharpness { get; init; } = 8;

    /// <summary>Largest |yaw| in degrees.</summary>
    public float MaxYaw { get; init; } = 75;

    /// <summary>Largest |pitch| in degrees.</summary>
    public float MaxPitch { get; init; } = 45;

    /// <summary>Largest |roll| in degrees; alignment undoes roll, so this guards against nonsense only.</summary>
    public float MaxRoll { get; init; } = 100;

    /// <summary>Every reason to refuse this face; empty when it is good enough.</summary>
    public IReadOnlyList<QualityRejection> Evaluate(FaceQuality quality)
    {
        List<QualityRejection>? reasons = null;
        if (quality.DetectorScore < MinDetectorScore) (reasons ??= []).Add(QualityRejection.LowDetectorScore);
        if (quality.FaceSize < MinFaceSize) (reasons ??= []).Add(QualityRejection.FaceTooSmall);
        if (quality.Sharpness < MinSharpness) (reasons ??= []).Add(QualityRejection.Blurred);
        if (Math.Abs(quality.Yaw) > MaxYaw || Math.Abs(quality.Pitch) > MaxPitch || Math.Abs(quality.Roll) > MaxRoll)
            (reasons ??= []).Add(QualityRejection.ExtremePose);
        return reasons ?? (IReadOnlyList<QualityRejection>)[];
    }
}
