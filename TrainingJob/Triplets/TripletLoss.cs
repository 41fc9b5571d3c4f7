using TorchSharp;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Triplets;

/// <summary>
/// FaceNet's loss: [d(a, p) - d(a, n) + alpha]+ on squared L2 distances, its mean over the triplets that have a loss.
/// The paper sums; the mean keeps the step size independent of how many triplets a batch gives.
/// </summary>
public static class TripletLoss
{
    /// <summary>The loss, through which gradients pass to <paramref name="embeddings"/>.</summary>
    /// <param name="embeddings">
    /// n x d, of unit length for FaceNet. For its harmonic embeddings, two networks' embeddings one below the other, mined
    /// with the identities repeated.
    /// </param>
    /// <param name="triplets">Rows of <paramref name="embeddings"/>.</param>
    /// <param name="margin">Alpha.</param>
    /// <returns>A scalar the caller owns; 0, still with a gradient, where no triplet has a loss.</returns>
    public static Tensor Of(Tensor embeddings, IReadOnlyList<Triplet> triplets, float margin = 0.2f)
    {
        using Scalar zero = 0, one = 1, alpha = margin;
        if (triplets.Count == 0)
        {
            using Tensor nothing = embeddings.mul(zero);
            return nothing.sum();
        }
        long count = embeddings.shape[0];
        using Tensor matrix = SquaredDistances.Matrix(embeddings, embeddings);
        using Tensor flat = matrix.flatten();
        using Tensor positives = Pick(flat, [.. triplets.Select(t => t.Anchor * count + t.Positive)]);
        using Tensor negatives = Pick(flat, [.. triplets.Select(t => t.Anchor * count + t.Negative)]);
        using Tensor difference = positives.sub(negatives);
        using Tensor shifted = difference.add(alpha);
        using Tensor losses = shifted.relu();
        using Tensor total = losses.sum();
        using Tensor positive = losses.gt(zero);
        using Tensor active = positive.sum();
        using Tensor divisor = active.clamp_min(one);
        return total.div(divisor);
    }

    private static Tensor Pick(Tensor flat, long[] places)
    {
        using Tensor index = tensor(places, device: flat.device);
        return flat.index_select(0, index);
    }
}
