namespace FaceSearch.Evaluation;

/// <summary>
/// A gallery's calibrated impostor scores: which threshold gives which FPIR and FMR. Plain numbers only (no template,
/// no identity), so it can be stored with the gallery's settings and sent in answers.
/// </summary>
public sealed record ScoreCalibration
{
    /// <summary>Templates whose best impostor score went into the fit; 0 when the prior alone speaks.</summary>
    public required int SampleSize { get; init; }

    /// <summary>Identities in the gallery when it was fitted.</summary>
    public required long FittedIdentities { get; init; }

    /// <summary>Points of the FPIR curve at <see cref="FittedIdentities"/>, by falling rate and rising score.</summary>
    public required IReadOnlyList<OperatingPoint> FpirCurve { get; init; }

    /// <summary>Threshold (cosine score) at which a stranger's probe is answered with a match at the rate
    /// <paramref name="targetFpir"/> (0..1) in a gallery of <paramref name="identities"/> people.</summary>
    public float ThresholdForFpir(double targetFpir, long identities) => throw new NotImplementedException();

    /// <summary>Expected FPIR of a threshold in a gallery of <paramref name="identities"/> people.</summary>
    public double FpirAt(float score, long identities) => throw new NotImplementedException();

    /// <summary>Threshold (cosine score) for one comparison at a wanted false match rate (0..1).</summary>
    public float ThresholdForFmr(double fmr) => throw new NotImplementedException();

    /// <summary>False match rate of one comparison at a threshold.</summary>
    public double FmrAt(float score) => throw new NotImplementedException();
}
