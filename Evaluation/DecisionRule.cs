namespace FaceSearch.Evaluation;

/// <summary>The answer to "who is this?".</summary>
public enum Decision
{
    /// <summary>No enrolled identity scores as high as the threshold.</summary>
    Unknown,

    /// <summary>One identity scores at or above the threshold and stands clear of every other.</summary>
    Match,

    /// <summary>Two identities score at or above the threshold and within the margin of each other.</summary>
    Ambiguous,
}

/// <summary>
/// Decides a search from the scores of its two best identities (not templates): unknown when best &lt; threshold; ambiguous when
/// the runner-up reaches the threshold too, so that each alone would be a match, and best - runner-up &lt; margin; else a match.
/// </summary>
public static class DecisionRule
{
    /// <summary>Default margin between the two best identities, cosine score: on LFW it flags 0.25 % of the true matches and 77 %
    /// of the probes that match both entries of a person enrolled twice (docs/calibration.md).</summary>
    public const float DefaultMargin = 0.1f;

    /// <summary>Decides.</summary>
    /// <param name="best">Score of the best identity; negative infinity or NaN when the gallery is empty.</param>
    /// <param name="runnerUp">Score of the best *other* identity; negative infinity or NaN when there is none.</param>
    /// <param name="threshold">Cosine score from which on the best identity counts.</param>
    /// <param name="margin">Least lead over a runner-up that also passes the threshold; 0 switches ambiguity off.</param>
    public static Decision Decide(float best, float runnerUp, float threshold, float margin = DefaultMargin)
    {
        if (!(best >= threshold)) return Decision.Unknown;
        return runnerUp >= threshold && best - runnerUp < margin ? Decision.Ambiguous : Decision.Match;
    }
}
