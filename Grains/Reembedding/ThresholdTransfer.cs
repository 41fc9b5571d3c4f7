using FaceSearch.Evaluation;
using FaceSearch.Grains.Galleries;

namespace FaceSearch.Grains.Reembedding;

/// <summary>Sets a new model's threshold at the rate of false positives that the old one's has at the gallery's size.</summary>
internal sealed class ThresholdTransfer(IGrainFactory grains, TimeProvider time)
{
    /// <summary>Calibrates the next generation and stores its threshold; nothing answers by it before the switch.</summary>
    /// <param name="view">The gallery as it answers.</param>
    /// <param name="next">The same with the next generation.</param>
    /// <param name="result">What the verification found.</param>
    public async Task<ReembeddingVerification> RunAsync(GalleryView view, GalleryView next, CheckResult result)
    {
        ImpostorPrior prior = await ModelPriors.OfAsync(grains, next.Model);
        ScoreCalibration? measured = await new GalleryCalibrator(grains, time).RunAsync(next, prior);
        CalibrationState calibration = measured is null ? next.Calibration : CalibrationState.Of(measured, time.GetUtcNow());
        ThresholdPolicy policy = view.Settings.Threshold;
        ThresholdInForce before = new GalleryRoute(view).Threshold(policy, result.Identities);
        if (policy.Score is not null)
            policy = new ThresholdPolicy(Score: Math.Clamp(calibration.Read().ThresholdForFpir(Math.Clamp(before.Fpir, 1e-6, 0.5), result.Identities), -1f, 1f));
        next = next with { Calibration = calibration, Settings = next.Settings with { Threshold = policy } };
        ThresholdInForce after = new GalleryRoute(next).Threshold(policy, result.Identities);
        await grains.GetGrain<IGalleryGenerationsGrain>(view.Gallery).PrepareAsync(next.Generation, calibration, policy);
        return new ReembeddingVerification(result.Identities, result.Templates, result.SelfMatch, result.Agreement, result.Sampled, before.Threshold, after.Threshold, after.Fpir);
    }
}
