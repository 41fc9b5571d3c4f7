namespace FaceSearch.VectorIndex.Graph;

/// <summary>
/// Decides when a walk that knows the decision threshold may stop, from how many expansions ago its best hit last improved.
/// <list type="bullet">
/// <item><b>Clearly a match</b> (best at least <see cref="Clear"/> above the threshold): the person is found. What is left to find is a
/// better sample of the same person, and samples of a person are each other's neighbours: a fixed number of expansions suffices.</item>
/// <item><b>Just a match</b>: it may be a stranger who resembles the probe while the person is still around the corner: half of ef.</item>
/// <item><b>No match yet</b>: five eighths of ef.</item>
/// </list>
/// The figures are from recorded walks over 1,000,000 face-like vectors (threshold at FPIR 1 %, ef 1,024): of the mated probes above
/// the threshold 0.9990 keep their exact best at 36 % of the products (docs/early-decision.md).
/// </summary>
internal struct EarlyDecision
{
    /// <summary>How far above the threshold, as a score, hardly any stranger comes.</summary>
    private const float Clear = 0.1f;

    /// <summary>Expansions without improvement after which a clear match is taken as final.</summary>
    private const int ClearPatience = 128;

    private readonly int _clear;
    private readonly int _threshold;
    private readonly int _matchPatience;
    private readonly int _missPatience;
    private int _best;
    private int _stagnant;

    private EarlyDecision(int threshold, int clear, int matchPatience, int missPatience)
    {
        _threshold = threshold;
        _clear = clear;
        _matchPatience = matchPatience;
        _missPatience = missPatience;
        _best = int.MinValue;
    }

    /// <summary>The walk was ended by the decision.</summary>
    public bool Stopped { get; private set; }

    public static EarlyDecision Never => new(int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue);

    /// <param name="threshold">Decision threshold, a score.</param>
    /// <param name="unit">Score of one integer unit.</param>
    /// <param name="noise">What an estimate may exceed the true score by: a match must be above the threshold for certain.</param>
    /// <param name="ef">Width of the walk.</param>
    public static EarlyDecision At(float threshold, float unit, float noise, int ef)
    {
        int Units(float score) => (int)Math.Clamp(score / unit, int.MinValue, int.MaxValue);
        return new(Units(threshold + noise), Units(threshold + noise + Clear), Math.Max(ClearPatience, ef / 2), Math.Max(ClearPatience, ef * 5 / 8));
    }

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
        return Stopped = _stagnant >= (_best >= _clear ? ClearPatience : _best >= _threshold ? _matchPatience : _missPatience);
    }
}
