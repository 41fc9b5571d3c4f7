namespace FaceSearch.TrainingJob.Triplets;

/// <summary>Three rows of a batch: two of one identity, and one of another.</summary>
public readonly record struct Triplet(int Anchor, int Positive, int Negative);

/// <summary>What a miner found in a batch.</summary>
/// <param name="Triplets">To train on.</param>
/// <param name="Pairs">Ordered anchor-positive pairs of the batch.</param>
/// <param name="Possible">Anchor-positive pairs times their negatives: every triplet of the batch.</param>
/// <param name="Active">
/// How many of those have a loss: the negative is not yet further from the anchor than the positive by the margin.
/// </param>
public sealed record MinedTriplets(IReadOnlyList<Triplet> Triplets, long Pairs, long Possible, long Active)
{
    /// <summary>Share of all triplets with a loss; 0 where the batch has none. Near 1 all along, nothing is learnt.</summary>
    public double ActiveShare => Possible == 0 ? 0 : (double)Active / Possible;
}
