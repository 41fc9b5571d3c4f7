using System.Text.Json;
using FaceSearch.Evaluation;

namespace FaceSearch.Grains.Galleries;

/// <summary>A gallery's calibration as it is stored and travels: plain numbers, no template.</summary>
/// <param name="Json">A <see cref="ScoreCalibration"/>.</param>
/// <param name="Source"><c>prior</c> or <c>calibrated</c>.</param>
/// <param name="At">When it was fitted; null for the prior.</param>
[GenerateSerializer, Immutable, Alias("fs.CalibrationState")]
public sealed record CalibrationState([property: Id(0)] string Json, [property: Id(1)] string Source, [property: Id(2)] DateTimeOffset? At)
{
    public const string Prior = "prior", Calibrated = "calibrated", Fixed = "fixed";

    public static CalibrationState Of(ScoreCalibration calibration, DateTimeOffset? at) =>
        new(JsonSerializer.Serialize(calibration), calibration.SampleSize == 0 ? Prior : Calibrated, at);

    public ScoreCalibration Read() =>
        JsonSerializer.Deserialize<ScoreCalibration>(Json) ?? throw new FormatException("A stored calibration is empty.");
}

/// <summary>A view with its calibration read, as grains of one silo share it.</summary>
public sealed class GalleryRoute(GalleryView view)
{
    public GalleryView View { get; } = view;

    public ScoreCalibration Calibration { get; } = view.Calibration.Read();

    /// <summary>The score at which a search of this gallery becomes a match, as of its last calibration.</summary>
    public float DecisionThreshold => Threshold(View.Settings.Threshold, Calibration.FittedIdentities).Threshold;

    /// <summary>
    /// Highest false-match rate of one comparison that a target FPIR may lead to. It binds below about a hundred identities, where
    /// the target alone would let single comparisons of poor pictures pass; there the FPIR is then lower than the target.
    /// </summary>
    private const double MaxFmr = 1e-4;

    /// <summary>The threshold that a policy gives in a gallery of <paramref name="identities"/> people.</summary>
    public ThresholdInForce Threshold(ThresholdPolicy policy, long identities)
    {
        float score = policy.Score ?? Math.Max(
            Calibration.ThresholdForFpir(policy.TargetFpir ?? ThresholdPolicy.Default.TargetFpir!.Value, identities),
            Calibration.ThresholdForFmr(MaxFmr));
        return new ThresholdInForce(
            score,
            Calibration.FmrAt(score),
            Calibration.FpirAt(score, identities),
            policy.Score is null ? View.Calibration.Source : CalibrationState.Fixed,
            Calibration.SampleSize,
            Calibration.FittedIdentities,
            View.Calibration.At);
    }

    /// <summary>True when the gallery's size has moved by more than a tenth since the calibration.</summary>
    public bool IsStale(long identities) =>
        Math.Abs(identities - Calibration.FittedIdentities) > 0.1 * Calibration.FittedIdentities;
}
