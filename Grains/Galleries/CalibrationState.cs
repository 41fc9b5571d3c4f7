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

    /// <summary>The generation beside the active one, as a route of its own; null if there is none.</summary>
    public GalleryRoute? Other { get; } = view.Other is { } other ? new GalleryRoute(view.Of(other.Generation)!) : null;

    /// <summary>The route of a generation that a request has pinned; null unless it answers.</summary>
    public GalleryRoute? For(int generation) => generation == View.Generation ? this : View.Other is { Answers: true } other && other.Generation == generation ? Other : null;

    private volatile Computed? _last;

    /// <summary>The score at which a search of this gallery becomes a match, as of its last calibration.</summary>
    public float DecisionThreshold { get; } = Compute(view, view.Calibration.Read(), view.Settings.Threshold, view.Calibration.Read().FittedIdentities).Threshold;

    /// <summary>
    /// Highest false-match rate of one comparison that a target FPIR may lead to. It binds below about a hundred identities, where
    /// the target alone would let single comparisons of poor pictures pass; there the FPIR is then lower than the target.
    /// </summary>
    private const double MaxFmr = 1e-4;

    /// <summary>The threshold that a policy gives in a gallery of <paramref name="identities"/> people.</summary>
    public ThresholdInForce Threshold(ThresholdPolicy policy, long identities)
    {
        // The curve is integrated numerically, and searches come by the thousand at one size.
        if (_last is { } last && last.Identities == identities && last.Policy == policy)
            return last.Result;
        ThresholdInForce result = Compute(View, Calibration, policy, identities);
        _last = new Computed(policy, identities, result);
        return result;
    }

    private sealed record Computed(ThresholdPolicy Policy, long Identities, ThresholdInForce Result);

    private static ThresholdInForce Compute(GalleryView view, ScoreCalibration calibration, ThresholdPolicy policy, long identities)
    {
        float score = policy.Score ?? Math.Max(
            calibration.ThresholdForFpir(policy.TargetFpir ?? ThresholdPolicy.Default.TargetFpir!.Value, identities),
            calibration.ThresholdForFmr(MaxFmr));
        return new ThresholdInForce(
            score,
            calibration.FmrAt(score),
            calibration.FpirAt(score, identities),
            policy.Score is null ? view.Calibration.Source : CalibrationState.Fixed,
            calibration.SampleSize,
            calibration.FittedIdentities,
            view.Calibration.At);
    }

    /// <summary>True when the gallery's size has moved by more than a tenth since the calibration.</summary>
    public bool IsStale(long identities) =>
        Math.Abs(identities - Calibration.FittedIdentities) > 0.1 * Calibration.FittedIdentities;
}
