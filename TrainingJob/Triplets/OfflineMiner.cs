using FaceSearch.TrainingJob.Training;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Triplets;

/// <summary>
/// Chooses triplets over a subset of the data from the latest checkpoint's embeddings (FaceNet, section 3.2: "offline,
/// every n steps"). It asks the same miners as a batch does, anchor by anchor, with distances computed a block of rows
/// at a time, so the subset may be as large as its embeddings.
/// </summary>
public static class OfflineMiner
{
    private const int Block = 256;

    /// <summary>Triplets of a subset; their numbers are rows of <paramref name="embeddings"/>.</summary>
    /// <param name="embeddings">n x d, made without gradient by the latest checkpoint.</param>
    /// <param name="identities">Whose each row is.</param>
    /// <param name="negatives">How to choose: hard is argmax and argmin over the whole subset.</param>
    /// <param name="margin">Alpha.</param>
    public static MinedTriplets Mine(Tensor embeddings, IReadOnlyList<int> identities, NegativeKind negatives = NegativeKind.SemiHard, float margin = 0.2f)
    {
        TripletMiner miner = TripletMiner.Of(negatives, margin);
        int count = (int)embeddings.shape[0];
        int[] all = [.. identities];
        var triplets = new List<Triplet>();
        long pairs = 0, possible = 0, active = 0;
        for (int first = 0; first < count; first += Block)
        {
            MinedTriplets mined = miner.Mine(SquaredDistances.Of(embeddings, first, Math.Min(Block, count - first)), all);
            triplets.AddRange(mined.Triplets);
            pairs += mined.Pairs;
            possible += mined.Possible;
            active += mined.Active;
        }
        return new MinedTriplets(triplets, pairs, possible, active);
    }
}
