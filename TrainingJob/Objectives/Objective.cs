using FaceSearch.TrainingJob.Networks;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Objectives;

/// <summary>Loss of one batch.</summary>
/// <param name="Loss">A scalar with a gradient.</param>
/// <param name="ActiveShare">Share of all triplets that have a loss, or null where there are no triplets.</param>
/// <param name="Trouble">Why the run should stop, or null.</param>
public sealed record BatchLoss(Tensor Loss, double? ActiveShare = null, string? Trouble = null);

/// <summary>
/// What a network is trained to do: which examples make a batch, what the network sees of each, and the loss. Batches and
/// examples are pure functions of the seed, the epoch and their numbers, so that a resumed run sees what the killed
/// one would have seen.
/// </summary>
public abstract class Objective
{
    /// <summary>Called before each epoch's batches are asked for.</summary>
    /// <param name="epoch">The epoch.</param>
    /// <param name="step">Steps done.</param>
    /// <param name="latest">The network as the latest checkpoint has it (the mean weights).</param>
    public virtual void Prepare(int epoch, long step, Network latest)
    {
    }

    /// <summary>The epoch's batches: numbers that only the objective understands.</summary>
    public abstract IReadOnlyList<int[]> Epoch(int epoch);

    /// <summary>Writes what the network sees of one example; called on other threads.</summary>
    /// <param name="example">One number of a batch.</param>
    /// <param name="random">Of this example in this batch.</param>
    /// <param name="values">Pixels as side x side x 3 floats, or a vector.</param>
    public abstract void Render(int example, Random random, Span<float> values);

    /// <summary>Layers whose outputs <see cref="FeatureLoss"/> wants to see, by name.</summary>
    public virtual IReadOnlyList<string> Features => [];

    /// <summary>A loss on the outputs of inner layers, which is added to <see cref="Loss"/>; null for none.</summary>
    /// <param name="features">Outputs of <see cref="Features"/>, in their order: batch x channels x height x width.</param>
    /// <param name="batch">The batch's numbers.</param>
    public virtual Tensor? FeatureLoss(IReadOnlyList<Tensor> features, int[] batch) => null;

    /// <summary>The loss of a batch.</summary>
    /// <param name="embeddings">batch x dimension, of unit length.</param>
    /// <param name="batch">The batch's numbers.</param>
    public abstract BatchLoss Loss(Tensor embeddings, int[] batch);
}
