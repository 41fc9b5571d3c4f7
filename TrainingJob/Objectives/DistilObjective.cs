using FaceSearch.TrainingJob.Augmentation;
using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Objectives;

/// <summary>
/// Reproduce a teacher's embeddings. The loss is 1 - cosine to the teacher's vector of the same view, plus the mean
/// squared difference of all cosines inside the batch (Park et al., "Relational knowledge distillation", 2019): what is
/// searched later is who is near whom. A share of the examples are centre crops, whose target is the teacher's vector of
/// the aligned face, so that one model serves with and without a detector.
/// </summary>
/// <param name="set">All faces.</param>
/// <param name="faces">The training faces, each with an aligned crop.</param>
/// <param name="views">Their views, in the same order.</param>
/// <param name="options">Batch size, seed, share of thumbnails.</param>
/// <param name="side">Side of the network's input.</param>
public sealed class DistilObjective(FaceSet set, int[] faces, TeacherViews views, TrainingOptions options, int side) : Objective
{
    /// <summary>Layers and the teacher's maps that they should hold; empty for none.</summary>
    public IReadOnlyList<HintPair> Hints { get; init; } = [];

    /// <summary>The teacher's maps, one for each of <see cref="Hints"/>.</summary>
    public TeacherMaps? Maps { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Features => [.. Hints.Select(h => h.Layer)];

    /// <summary>Weight of the relations: a difference of 0.1 in every cosine costs as much as 0.1 in 1 - cosine.</summary>
    private const float RelationWeight = 10;

    /// <inheritdoc/>
    public override IReadOnlyList<int[]> Epoch(int epoch)
    {
        var random = new Random(Seeds.Mix(options.Seed, epoch, 1));
        int[] examples = [.. Enumerable.Range(0, faces.Length).Select(face => face * (views.Count + 1) + View(face, random))];
        random.Shuffle(examples);
        // A last batch too small for its statistics is left out; another epoch draws another order.
        return [.. examples.Chunk(options.BatchSize).Where(batch => batch.Length == options.BatchSize || examples.Length < options.BatchSize)];
    }

    /// <inheritdoc/>
    public override void Render(int example, Random random, Span<float> values)
    {
        (int face, int view) = Math.DivRem(example, views.Count + 1);
        AlignedFace crop = view == views.Count
            ? FaceRenderer.Render(set.Faces[faces[face]].Thumbnail!, JitterThumbnail(random))
            : FaceRenderer.Render(views.Render(face, view), Jitter.Draw(random, JitterStrength.Camera));
        FaceRenderer.Encode(crop, side, values);
    }

    /// <inheritdoc/>
    public override BatchLoss Loss(Tensor embeddings, int[] batch)
    {
        float[] wanted = new float[batch.Length * views.Dimension];
        for (int i = 0; i < batch.Length; i++)
        {
            (int face, int view) = Math.DivRem(batch[i], views.Count + 1);
            views.Target(face, view == views.Count ? 0 : view).CopyTo(wanted.AsSpan(i * views.Dimension));
        }
        Tensor target = tensor(wanted, [batch.Length, views.Dimension], device: embeddings.device);
        Tensor direct = 1 - (embeddings * target).sum(1).mean();
        Tensor relations = (embeddings.matmul(embeddings.t()) - target.matmul(target.t())).square().mean();
        return new BatchLoss(direct + (RelationWeight * relations));
    }

    /// <summary>The hints; a centre crop has none, since the teacher's map of the aligned face has other places.</summary>
    public override Tensor? FeatureLoss(IReadOnlyList<Tensor> features, int[] batch)
    {
        long[] aligned = [.. Enumerable.Range(0, batch.Length).Where(i => batch[i] % (views.Count + 1) != views.Count)];
        if (Maps is null || aligned.Length == 0)
            return null;
        Tensor sum = zeros(1, device: features[0].device);
        using Tensor rows = tensor(aligned, device: features[0].device);
        for (int map = 0; map < features.Count; map++)
        {
            FeatureShape shape = Maps.Shapes[map];
            float[] wanted = new float[aligned.Length * shape.Length];
            for (int i = 0; i < aligned.Length; i++)
            {
                (int face, int view) = Math.DivRem(batch[aligned[i]], views.Count + 1);
                Maps.Read(map, face, view, wanted.AsSpan(i * shape.Length, shape.Length));
            }
            Tensor target = tensor(wanted, [aligned.Length, shape.Channels, shape.Height, shape.Width], device: features[0].device);
            sum = sum + LinearHint.Loss(features[map].index_select(0, rows), target);
        }
        return options.HintWeight * sum.squeeze();
    }

    /// <summary>A view, or the number behind the last one for the thumbnail.</summary>
    private int View(int face, Random random)
    {
        bool thumbnail = random.NextSingle() < options.ThumbnailShare;
        int view = random.Next(views.Count);
        return thumbnail && set.Faces[faces[face]].Thumbnail is not null ? views.Count : view;
    }

    /// <summary>Half of the thumbnails are cut closer: how much of a picture a face fills is not known.</summary>
    private static Jitter JitterThumbnail(Random random)
    {
        Jitter jitter = Jitter.Draw(random, JitterStrength.Thumbnail);
        return random.Next(2) == 0 ? jitter : jitter with { Size = jitter.Size * (1 + 0.8f * random.NextSingle()) };
    }
}
