using FaceSearch.Evaluation;
using FaceSearch.TrainingJob.Augmentation;
using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Measures;

/// <summary>Judges finished models as they will be used: by ONNX Runtime, with their manifest.</summary>
public static class ModelEvaluator
{
    /// <summary>Faces at a time, so that progress and cancellation come often.</summary>
    private const int Batch = 64;

    /// <summary>Embeds faces of a set.</summary>
    /// <param name="model">The model.</param>
    /// <param name="set">All faces.</param>
    /// <param name="faces">Those wanted; each has the crop asked for.</param>
    /// <param name="aligned">The aligned crop, or the centre crop of the whole picture.</param>
    /// <param name="progress">Told the number of faces done.</param>
    public static EmbeddingMatrix Embed(InstalledModel model, FaceSet set, int[] faces, bool aligned = true, Action<int>? progress = null, CancellationToken cancellation = default)
    {
        return Embed(model, [.. faces.Select(i => (aligned ? set.Faces[i].Aligned : set.Faces[i].Thumbnail)!)], progress, cancellation);
    }

    /// <summary>Embeds crops of any size; one of another size than the model's input is scaled to it.</summary>
    /// <exception cref="ModelException">The model's vectors are none.</exception>
    public static EmbeddingMatrix Embed(InstalledModel model, IReadOnlyList<AlignedFace> crops, Action<int>? progress = null, CancellationToken cancellation = default)
    {
        using var embedder = new OnnxFaceEmbedder(model, new InferenceOptions { IntraOpThreads = Environment.ProcessorCount });
        int dimension = model.Manifest.Dimension, side = model.Manifest.Input.Width;
        float[] all = new float[crops.Count * dimension];
        for (int from = 0; from < crops.Count; from += Batch)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(Batch, crops.Count - from);
            embedder.Embed([.. crops.Skip(from).Take(count).Select(crop => FaceRenderer.Fit(crop, side))], all.AsSpan(from * dimension, count * dimension));
            progress?.Invoke(from + count);
        }
        return new EmbeddingMatrix(all, dimension);
    }

    /// <summary>A model's figures on faces, or null where they have no such crop.</summary>
    public static EvaluationFigures? Figures(InstalledModel model, FaceSet set, int[] faces, bool aligned, CancellationToken cancellation = default)
    {
        int[] usable = [.. faces.Where(i => (aligned ? set.Faces[i].Aligned : set.Faces[i].Thumbnail) is not null)];
        return usable.Length == 0 ? null : EmbeddingFigures.Of(Embed(model, set, usable, aligned, null, cancellation), Identities(set, usable));
    }

    /// <summary>TAR@FAR 1e-3 inside an old and a new model's vectors and across them, on the same faces.</summary>
    public static CompatibilityFigures Compatibility(string oldName, EmbeddingMatrix oldVectors, EmbeddingMatrix newVectors, IReadOnlyList<int> identities)
    {
        return new CompatibilityFigures(oldName, Tar(oldVectors, oldVectors, identities), Tar(newVectors, oldVectors, identities), Tar(newVectors, newVectors, identities));
    }

    /// <summary>The person of each face.</summary>
    public static int[] Identities(FaceSet set, int[] faces) => [.. faces.Select(i => set.Identities[i])];

    /// <summary>
    /// Impostor operating points of a model: each test person's first face against every other's. They are the prior for
    /// a gallery too small to calibrate itself. Empty where there are too few people.
    /// </summary>
    public static IReadOnlyList<Vision.OperatingPoint> ImpostorPoints(EmbeddingMatrix embeddings, IReadOnlyList<int> identities)
    {
        var seen = new HashSet<int>();
        int[] first = [.. Enumerable.Range(0, identities.Count).Where(i => seen.Add(identities[i]))];
        // Below 1,000 people the lowest rates are guesses; below 50 all are.
        if (first.Length < 50)
            return [];
        ImpostorPrior prior = ImpostorPrior.Measure(embeddings.Select(first), [.. first.Select(i => identities[i])]);
        return [.. prior.Points.Where(p => p.FalseMatchRate < 0.5).Select(p => new Vision.OperatingPoint(p.FalseMatchRate, MathF.Round(p.Score, 4)))];
    }

    private static double Tar(EmbeddingMatrix probes, EmbeddingMatrix templates, IReadOnlyList<int> identities)
    {
        List<float> mated = [], nonMated = [];
        for (int i = 0; i < probes.Rows; i++)
        {
            // A face is never compared with itself; both orders count, since the two sides are different models.
            for (int j = 0; j < templates.Rows; j++)
            {
                if (i != j)
                    (identities[i] == identities[j] ? mated : nonMated).Add(System.Numerics.Tensors.TensorPrimitives.Dot(probes.Row(i), templates.Row(j)));
            }
        }
        return new VerificationMetrics(mated.ToArray(), nonMated.ToArray()).TarAtFar(1e-3);
    }
}
