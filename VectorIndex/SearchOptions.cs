namespace FaceSearch.VectorIndex;

/// <summary>How one search is to run. <c>default</c> is valid: the index's own efSearch, no threshold, no filter.</summary>
public readonly record struct SearchOptions
{
    /// <summary>
    /// <c>ef</c> of Malkov and Yashunin, Algorithm 2: how many best nodes the walk keeps. 0 takes the index's default;
    /// it is never less than k. Exact searches ignore it.
    /// </summary>
    public int EfSearch { get; init; }

    /// <summary>Search by threshold: only scores of at least this are returned. Null returns the best k whatever they score.</summary>
    public float? MinScore { get; init; }

    /// <summary>Only ids that this accepts are returned. Null accepts all.</summary>
    public IIdFilter? Filter { get; init; }

    /// <summary>
    /// Early decision: the score at which a best hit counts as a match. A graph walk told this stops as soon as going on
    /// could hardly change the decision: the best hit is above the threshold and has stopped improving, or nothing is near it.
    /// <see cref="SearchOutcome.StoppedEarly"/> reports that it did. Exact searches ignore it. Null never stops early.
    /// </summary>
    public float? DecisionThreshold { get; init; }
}

/// <summary>What a search did.</summary>
/// <param name="Count">How many results were written, best first.</param>
/// <param name="StoppedEarly">The walk ended by early decision, before its pool was exhausted.</param>
/// <param name="Exact">The results are proven to be the true best of what the index held (an exact scan answered).</param>
/// <param name="Scored">How many stored codes were compared with the query.</param>
public readonly record struct SearchOutcome(int Count, bool StoppedEarly, bool Exact, int Scored);
