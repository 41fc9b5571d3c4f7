namespace FaceSearch.VectorIndex.Graph;

/// <summary>
/// Decides when a walk that knows the decision threshold may stop. Once the best hit is above the threshold, the person is found; what
/// is left to find is a better sample of the same person, and samples of a person are each other's neighbours, so a few dozen
/// expansions without improvement suffice. Below the threshold only a long stagnation ends the walk: a match may still be around the
/// corner.
/// </summary>
internal struct EarlyDecision
{
    /// <summary>Expansions without improvement after which a match is taken as final.</summary>
    private const int MatchPatience = 48;

    /// <summary>The same for "no match", as a share of ef.</summary>
    private const float MissPatience = 0.5f;

    private readonly int _threshold;
    private readonly int _missPatience;
    private int _best;
    private int _stagnant;

    private EarlyDecision(int threshold, int missPatience)
    {
        _threshold = threshold;
        _missPatience = missPatience;
        _best = int.MinValue;
    }

    /// <summary>The walk was ended by the decision.</summary>
    public bool Stopped { get; private set; }

    public static EarlyDecision Never => new(int.MaxValue, int.MaxValue);

    /// <param name="threshold">Decision threshold, a score.</param>
    /// <param name="unit">Score of one integer unit.</param>
    /// <param name="noise">What an estimate may exceed the true score by: a match must be above the threshold for certain.</param>
    /// <param name="ef">Width of the walk.</param>
    public static EarlyDecision At(float threshold, float unit, float noise, int ef) =>
        new((int)Math.Clamp((threshold + noise) / unit, int.MinValue, int.MaxValue), Math.Max(MatchPatience, (int)(ef * MissPatience)));

    /// <summary>Called after each expansion with the best score so far.</summary>
    public bool IsMade(int best)
    {
        if (best > _best)
        {
            _best = best;
            _stagnant = 0;
            return false;
        }

        _stagnant++;
        return Stopped = _stagnant >= (_best >= _threshold ? MatchPatience : _missPatience);
    }
}
