namespace FaceSearch.Evaluation;

/// <summary>Carries a fixed score from one model to another: to the score at which the new model is as often wrong as the old one was.</summary>
public static class ThresholdTransfer
{
    /// <summary>The new model's score of the old score's false-match rate; at one gallery size that is the same FPIR, too.</summary>
    /// <param name="score">A score of the old model.</param>
    /// <param name="old">The old model's false-match figures.</param>
    /// <param name="next">The new model's, best measured on the same faces.</param>
    public static float Carry(float score, ImpostorPrior old, ImpostorPrior next) =>
        (float)Math.Clamp(next.ScoreAt(old.QuantileAt(score)), -1, 1);
}
