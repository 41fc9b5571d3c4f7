namespace FaceSearch.TrainingJob.Triplets;

/// <summary>
/// Batches of P identities x K images plus randomly drawn negatives (FaceNet, section 3.2). An identity of fewer than K
/// images gives what it has, and further identities fill the batch up to P x K; one of a single image is drawn as a
/// negative only. No image is in a batch twice. A pure function of seed and epoch, so a resumed run sees what the killed
/// one would have seen.
/// </summary>
public sealed class IdentityBatches
{
    private readonly int[][] _images;
    private readonly int _total;
    private readonly int _identitiesPerBatch;
    private readonly int _imagesPerIdentity;
    private readonly int _negatives;
    private readonly int _seed;

    /// <param name="identities">Whose image i is.</param>
    /// <param name="identitiesPerBatch">P, at least 2.</param>
    /// <param name="imagesPerIdentity">K, at least 2. FaceNet: about 40.</param>
    /// <param name="negatives">Random images added to each batch.</param>
    /// <param name="seed">Decides everything.</param>
    /// <exception cref="ArgumentException">Fewer than two identities have two images, or a bound is broken.</exception>
    public IdentityBatches(IReadOnlyList<int> identities, int identitiesPerBatch, int imagesPerIdentity, int negatives = 0, int seed = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(identitiesPerBatch, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(imagesPerIdentity, 2);
        ArgumentOutOfRangeException.ThrowIfNegative(negatives);
        _images = [.. Enumerable.Range(0, identities.Count).GroupBy(i => identities[i]).OrderBy(g => g.Key).Select(g => g.ToArray()).Where(g => g.Length >= 2)];
        if (_images.Length < 2)
            throw new ArgumentException($"Triplets need two identities of two images; {_images.Length} of {identities.Distinct().Count()} identities have two.", nameof(identities));
        (_total, _identitiesPerBatch, _imagesPerIdentity, _negatives, _seed) = (identities.Count, identitiesPerBatch, imagesPerIdentity, negatives, seed);
    }

    /// <summary>
    /// The batches of an epoch, in which every identity of two images or more comes once: image numbers, an identity's
    /// one after the other, negatives last.
    /// </summary>
    /// <param name="epoch">Decides the order, with the seed.</param>
    /// <param name="hard">Negatives of an image that come before random ones; null: none.</param>
    public IReadOnlyList<int[]> Epoch(int epoch, IReadOnlyDictionary<int, int[]>? hard = null)
    {
        var random = new Random(Mix(_seed, epoch));
        int[] order = [.. Enumerable.Range(0, _images.Length)];
        random.Shuffle(order);
        List<int[]> batches = [];
        int next = 0;
        while (next < order.Length)
        {
            // A single identity left over would have no negative: it joins the batch before it.
            var batch = new List<int>();
            int identities = 0;
            while (next < order.Length && (identities < 2 || batch.Count < _identitiesPerBatch * _imagesPerIdentity || next == order.Length - 1))
            {
                batch.AddRange(Draw(_images[order[next++]], random));
                identities++;
            }
            AddNegatives(batch, random, hard);
            batches.Add([.. batch]);
        }
        return batches;
    }

    private int[] Draw(int[] images, Random random)
    {
        int[] drawn = [.. images];
        random.Shuffle(drawn);
        return drawn.Length <= _imagesPerIdentity ? drawn : drawn[.._imagesPerIdentity];
    }

    private void AddNegatives(List<int> batch, Random random, IReadOnlyDictionary<int, int[]>? hard)
    {
        HashSet<int> present = [.. batch];
        int anchors = batch.Count, wanted = Math.Min(anchors + _negatives, _total);
        // The first of every anchor, then the second of every anchor, and so on.
        for (int rank = 0, found = 1; hard is not null && found > 0 && batch.Count < wanted; rank++)
        {
            found = 0;
            for (int anchor = 0; anchor < anchors && batch.Count < wanted; anchor++)
            {
                if (!hard.TryGetValue(batch[anchor], out int[]? negatives) || rank >= negatives.Length)
                    continue;
                found++;
                if (present.Add(negatives[rank]))
                    batch.Add(negatives[rank]);
            }
        }
        while (batch.Count < wanted)
        {
            int image = random.Next(_total);
            if (present.Add(image))
                batch.Add(image);
        }
    }

    /// <summary>The same on every machine and in every process, unlike System.HashCode.</summary>
    private static int Mix(int seed, int epoch) => unchecked((int)((uint)seed * 2654435761u + (uint)epoch * 2246822519u + 374761393u));
}
