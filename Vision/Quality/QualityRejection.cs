namespace FaceSearch.Vision;

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
