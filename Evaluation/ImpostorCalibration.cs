namespace FaceSearch.Evaluation;

/// <summary>Fits a gallery's <see cref="ScoreCalibration"/> from its own impostor scores and the model's prior.</summary>
public static class ImpostorCalibration
{
    /// <summary>Calibrates.</summary>
    /// <param name="bestImpostorScores">Per sampled template: its best score among all templates of OTHER identities of the
    /// same gallery. Any order; may be empty. One template per identity, picked at random, is the best sample.</param>
    /// <param name="galleryIdentities">Identities in the gallery the scores were searched in (the template's own included).</param>
    /// <param name="prior">The model's impostor scores in general.</param>
    public static ScoreCalibration Fit(ReadOnlySpan<float> bestImpostorScores, long galleryIdentities, ImpostorPrior prior) =>
        throw new NotImplementedException();
}
