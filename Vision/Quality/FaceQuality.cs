namespace FaceSearch.Vision;

/// <summary>Measured quality of one face.</summary>
/// <param name="Overall">0..1, the weakest of the component scores.</param>
/// <param name="Sharpness">Variance of the Laplacian of the aligned grey crop (0..255 levels squared); higher = sharper.</param>
/// <param name="FaceSize">Shorter side of the face box in original pixels.</param>
/// <param name="Yaw">Degrees, positive when the nose points to the image's right.</param>
/// <param name="Pitch">Degrees, positive when the face looks down.</param>
/// <param name="Roll">Degrees in the image plane, positive clockwise.</param>
/// <param name="DetectorScore">0..1; 1 for a thumbnail without a detector.</param>
public sealed record FaceQuality(
    float Overall, float Sharpness, float FaceSize, float Yaw, float Pitch, float Roll, float DetectorScore);

/// <summary>Why a face is not good enough to be enrolled.</summary>
public enum QualityRejection { LowDetectorScore, FaceTooSmall, Blurred, ExtremePose }

/// <summary>Stable text codes.</summary>
public static class QualityRejectionCodes
{
    /// <summary>The stable, kebab-case code of a reason.</summary>
    public static string ToCode(this QualityRejection reason) => reason switch
    {
        QualityRejection.LowDetectorScore => "low-detector-score",
        QualityRejection.FaceTooSmall => "face-too-small",
        QualityRejection.Blurred => "blurred",
        QualityRejection.ExtremePose => "extreme-pose",
        _ => throw new ArgumentOutOfRangeException(nameof(reason)),
    };
}

/// <summary>Minimum quality for enrolment. The defaults keep ordinary press photographs.</summary>
public sealed record QualityPolicy
{
    /// <summary>Minimum detector score, 0..1.</summary>
    public float MinDetectorScore { get; init; } = 0.6f;

    /// <summary>Minimum shorter side of the face box in original pixels.</summary>
    public float MinFaceSize { get; init; } = 24;

    /// <summary>Minimum <see cref="FaceQuality.Sharpness"/>.</summary>
    public float MinSharpness { get; init; } = 5;

    /// <summary>Largest |yaw| in degrees.</summary>
    public float MaxYaw { get; init; } = 75;

    /// <summary>Largest |pitch| in degrees.</summary>
    public float MaxPitch { get; init; } = 60;

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
