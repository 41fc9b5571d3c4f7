using FaceSearch.TrainingJob.Training;

namespace FaceSearch.TrainingJob.Triplets;

/// <summary>
/// Chooses the triplets of a batch (FaceNet, section 3.2). The base walks anchors and positives and counts; a miner
/// holds only the choice. All distances are squared.
/// </summary>
/// <param name="margin">Alpha: how much further than the positive a negative should be. FaceNet: 0.2.</param>
public abstract class TripletMiner(float margin)
{
    /// <summary>Alpha.</summary>
    public float Margin { get; } = margin > 0 && float.IsFinite(margin) ? margin : throw new ArgumentOutOfRangeException(nameof(margin), margin, "The margin must be positive.");

    /// <summary>The miner of a kind.</summary>
    public static TripletMiner Of(NegativeKind kind, float margin = 0.2f) => kind switch
    {
        NegativeKind.SemiHard => new SemiHardMiner(margin),
        NegativeKind.Hard => new HardMiner(margin),
        NegativeKind.All => new AllMiner(margin),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>Triplets of a batch, by anchor, positive and negative.</summary>
    /// <param name="distances">Squared distances between the embeddings; only its anchors are used as such.</param>
    /// <param name="identities">Whose each embedding is.</param>
    /// <exception cref="ArgumentException">Not one identity per embedding.</exception>
    public MinedTriplets Mine(SquaredDistances distances, ReadOnlySpan<int> identities)
    {
        int count = distances.Count;
        if (identities.Length != count)
            throw new ArgumentException($"Expected {count} identities, got {identities.Length}.", nameof(identities));
        var triplets = new List<Triplet>();
        int[] positives = new int[count], negatives = new int[count];
        long pairs = 0, possible = 0, active = 0;
        for (int anchor = distances.First; anchor < distances.First + distances.Anchors; anchor++)
        {
            int p = 0, n = 0;
            for (int other = 0; other < count; other++)
            {
                if (identities[other] != identities[anchor])
                    negatives[n++] = other;
                else if (other != anchor)
                    positives[p++] = other;
            }
            if (p == 0 || n == 0)
                continue;
            pairs += p;
            possible += (long)p * n;
            active += CountActive(distances.From(anchor), positives.AsSpan(0, p), negatives.AsSpan(0, n));
            Choose(anchor, distances.From(anchor), positives.AsSpan(0, p), negatives.AsSpan(0, n), triplets);
        }
        return new MinedTriplets(triplets, pairs, possible, active);
    }

    /// <summary>Adds the triplets of one anchor; it has at least one positive and one negative, in ascending order.</summary>
    protected abstract void Choose(int anchor, ReadOnlySpan<float> distances, ReadOnlySpan<int> positives, ReadOnlySpan<int> negatives, List<Triplet> triplets);

    /// <summary>Index of the furthest, the first of several.</summary>
    protected static int Furthest(ReadOnlySpan<float> distances, ReadOnlySpan<int> among)
    {
        int best = among[0];
        foreach (int i in among)
            best = distances[i] > distances[best] ? i : best;
        return best;
    }

    /// <summary>Index of the nearest, the first of several.</summary>
    protected static int Nearest(ReadOnlySpan<float> distances, ReadOnlySpan<int> among)
    {
        int best = among[0];
        foreach (int i in among)
            best = distances[i] < distances[best] ? i : best;
        return best;
    }

    /// <summary>Triplets of an anchor whose negative is closer than positive plus margin.</summary>
    private long CountActive(ReadOnlySpan<float> distances, ReadOnlySpan<int> positives, ReadOnlySpan<int> negatives)
    {
        long active = 0;
        foreach (int positive in positives)
        {
            float bound = distances[positive] + Margin;
            foreach (int negative in negatives)
                active += distances[negative] < bound ? 1 : 0;
        }
        return active;
    }
}

/// <summary>
/// All anchor-positive pairs, each with its hardest semi-hard negative: the nearest of those that are further than the
/// positive but inside the margin. A pair without one gives no triplet. The paper's choice, and the default: the very
/// hardest negatives early on drive every embedding to one point.
/// </summary>
public sealed class SemiHardMiner(float margin = 0.2f) : TripletMiner(margin)
{
    /// <inheritdoc/>
    protected override void Choose(int anchor, ReadOnlySpan<float> distances, ReadOnlySpan<int> positives, ReadOnlySpan<int> negatives, List<Triplet> triplets)
    {
        foreach (int positive in positives)
        {
            float bound = distances[positive] + Margin;
            int best = -1;
            foreach (int negative in negatives)
            {
                float d = distances[negative];
                if (d > distances[positive] && d < bound && (best < 0 || d < distances[best]))
                    best = negative;
            }
            if (best >= 0)
                triplets.Add(new Triplet(anchor, positive, best));
        }
    }
}

/// <summary>
/// One triplet per anchor: its furthest positive and nearest negative (argmax and argmin over the batch). Finds
/// mislabelled and bad images first, so it is for clean data late in training.
/// </summary>
public sealed class HardMiner(float margin = 0.2f) : TripletMiner(margin)
{
    /// <inheritdoc/>
    protected override void Choose(int anchor, ReadOnlySpan<float> distances, ReadOnlySpan<int> positives, ReadOnlySpan<int> negatives, List<Triplet> triplets) =>
        triplets.Add(new Triplet(anchor, Furthest(distances, positives), Nearest(distances, negatives)));
}

/// <summary>Every triplet that has a loss. Their number grows with the cube of the batch.</summary>
public sealed class AllMiner(float margin = 0.2f) : TripletMiner(margin)
{
    /// <inheritdoc/>
    protected override void Choose(int anchor, ReadOnlySpan<float> distances, ReadOnlySpan<int> positives, ReadOnlySpan<int> negatives, List<Triplet> triplets)
    {
        foreach (int positive in positives)
        {
            float bound = distances[positive] + Margin;
            foreach (int negative in negatives)
            {
                if (distances[negative] < bound)
                    triplets.Add(new Triplet(anchor, positive, negative));
            }
        }
    }
}
