using FaceSearch.TrainingJob.Data;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Training;

/// <summary>Trains a model from options and faces.</summary>
public interface ITrainer
{
    /// <summary>
    /// Runs to the end, or goes on where a killed run of the same folder and options stopped, to the same result.
    /// </summary>
    /// <param name="options">What to do; the folder's run is continued if there is one.</param>
    /// <param name="faces">Training, validation and test faces together; people are split by a hash of their name.</param>
    /// <param name="progress">Told about every few steps; null to tell nobody.</param>
    /// <param name="cancellation">Stops after the present step, with a checkpoint.</param>
    /// <exception cref="TrainingException">The run cannot start or go on; the message says why (too few people, a collapse, …).</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    Task<TrainingResult> TrainAsync(TrainingOptions options, IFaceSource faces, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default);
}

/// <summary>Where a run stands.</summary>
/// <param name="Phase">preparing, training, evaluating or exporting.</param>
/// <param name="Done">Work done of the phase: faces read, or steps.</param>
/// <param name="Total">Work of the phase; 0 where it is not known yet.</param>
/// <param name="Loss">Mean loss of the last steps, or null before there is one.</param>
/// <param name="Validation">Last validation, or null before there is one.</param>
/// <param name="Remaining">Estimated time to the end of the phase, or null.</param>
public sealed record TrainingProgress(
    string Phase, long Done, long Total, double? Loss = null, EvaluationFigures? Validation = null, TimeSpan? Remaining = null);

/// <summary>A model's figures on people it has not been trained on.</summary>
/// <param name="People">People in the gallery (each one's first face).</param>
/// <param name="Probes">The other faces.</param>
/// <param name="PairAccuracy">Share of right decisions on as many mated as non-mated pairs, ten folds, threshold of the other nine.</param>
/// <param name="TarAtFar1e3">Share of mated pairs accepted where one of 1,000 non-mated pairs is.</param>
/// <param name="Rank1">Share of probes whose best match is right.</param>
/// <param name="TpirAtFpir1Percent">Share of probes found and accepted where one of 100 strangers is accepted.</param>
public sealed record EvaluationFigures(int People, int Probes, double PairAccuracy, double TarAtFar1e3, double Rank1, double TpirAtFpir1Percent);

/// <summary>Where a model comes from, written beside it.</summary>
/// <param name="Parent">The base model's name and SHA-256, or null.</param>
/// <param name="Data">The source's description.</param>
/// <param name="DataFingerprint">SHA-256 over the names and pixels of all faces, in order.</param>
/// <param name="Options">The run's options as JSON.</param>
/// <param name="Seed">The seed.</param>
/// <param name="CodeVersion">Version of this program, with the commit where the build knows it.</param>
public sealed record Lineage(string? Parent, string Data, string DataFingerprint, string Options, int Seed, string CodeVersion);

/// <summary>What a finished run leaves.</summary>
/// <param name="OnnxPath">The model.</param>
/// <param name="ManifestPath">Its manifest, beside it.</param>
/// <param name="Manifest">The manifest.</param>
/// <param name="Test">Figures on the test people.</param>
/// <param name="Before">The base model's figures on the same people, where there is a base model.</param>
/// <param name="Lineage">Where it comes from.</param>
/// <param name="ReportPath">The HTML report.</param>
public sealed record TrainingResult(
    string OnnxPath, string ManifestPath, ModelManifest Manifest, EvaluationFigures Test, EvaluationFigures? Before, Lineage Lineage, string ReportPath)
{
    /// <summary>All figures, thumbnails and compatibility included.</summary>
    public EvaluationReport? Evaluation { get; init; }
}

/// <summary>Figures of a finished model on the test people.</summary>
/// <param name="Aligned">Of aligned faces.</param>
/// <param name="Thumbnail">Of centre crops, where the source has them.</param>
/// <param name="BaseModel">The model it is compared with, or null.</param>
/// <param name="BaseAligned">That model's figures.</param>
/// <param name="BaseThumbnail">That model's figures.</param>
/// <param name="Compatibility">New against old vectors (compatible mode).</param>
public sealed record EvaluationReport(
    EvaluationFigures Aligned, EvaluationFigures? Thumbnail, string? BaseModel, EvaluationFigures? BaseAligned, EvaluationFigures? BaseThumbnail, CompatibilityFigures? Compatibility = null);

/// <summary>TAR@FAR 1e-3 inside and across two models, each at its own threshold.</summary>
/// <param name="OldModel">The old model.</param>
/// <param name="OldOld">Old probes against old templates: before the upgrade.</param>
/// <param name="NewOld">New probes against old templates: during it.</param>
/// <param name="NewNew">New probes against new templates: after it.</param>
public sealed record CompatibilityFigures(string OldModel, double OldOld, double NewOld, double NewNew);

/// <summary>A run cannot start or go on; the message says why and what to do. It never names a person.</summary>
public sealed class TrainingException(string message, Exception? inner = null) : Exception(message, inner);
