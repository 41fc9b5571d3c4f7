using FaceSearch.TrainingJob.Augmentation;
using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Objectives;

/// <summary>
/// Several varied views of each training face and the teacher's embedding of each, computed once. Teacher and student
/// see the same view (Beyer et al., "Knowledge distillation: a good teacher is patient and consistent", 2022), and some
/// views lay two faces over one another: few faces then cover much of the space of faces.
/// </summary>
public sealed class TeacherViews
{
    private readonly FaceSet _set;
    private readonly int[] _faces;
    private readonly int _seed;
    private readonly int _mixed;
    private readonly float[] _targets;

    private TeacherViews(FaceSet set, int[] faces, int seed, int count, int mixed, int dimension, float[] targets)
    {
        (_set, _faces, _seed, Count, _mixed, Dimension, _targets) = (set, faces, seed, count, mixed, dimension, targets);
    }

    /// <summary>Views a face; view 0 is the face itself.</summary>
    public int Count { get; }

    /// <summary>Dimension of the teacher's embeddings.</summary>
    public int Dimension { get; }

    /// <summary>Number of faces.</summary>
    public int Faces => _faces.Length;

    /// <summary>The teacher's embedding of a view, of unit length.</summary>
    /// <param name="face">0 .. <see cref="Faces"/> - 1.</param>
    /// <param name="view">0 .. <see cref="Count"/> - 1.</param>
    public ReadOnlySpan<float> Target(int face, int view) => _targets.AsSpan((face * Count + view) * Dimension, Dimension);

    /// <summary>The view's pixels.</summary>
    public AlignedFace Render(int face, int view) => Render(_set, _faces, _seed, Count, _mixed, face, view);

    /// <summary>Reads the embeddings from a file, or computes and writes them.</summary>
    /// <param name="set">All faces.</param>
    /// <param name="faces">Those wanted.</param>
    /// <param name="teacher">The model that embeds.</param>
    /// <param name="views">Views a face, at least 1.</param>
    /// <param name="mixed">How many of them, the last ones, are two faces in one.</param>
    /// <param name="seed">Of the variation.</param>
    /// <param name="file">Where the embeddings are kept.</param>
    /// <param name="progress">Told the number of faces done.</param>
    /// <param name="cancellation">Stops.</param>
    public static TeacherViews Load(FaceSet set, int[] faces, InstalledModel teacher, int views, int mixed, int seed, string file, Action<int>? progress, CancellationToken cancellation)
    {
        int dimension = teacher.Manifest.Dimension;
        float[] targets = new float[faces.Length * views * dimension];
        if (File.Exists(file) && new FileInfo(file).Length == targets.Length * sizeof(float))
            Buffer.BlockCopy(File.ReadAllBytes(file), 0, targets, 0, targets.Length * sizeof(float));
        else
            Compute(set, faces, teacher, views, mixed, seed, targets, file, progress, cancellation);
        return new TeacherViews(set, faces, seed, views, mixed, dimension, targets);
    }

    private static void Compute(FaceSet set, int[] faces, InstalledModel teacher, int views, int mixed, int seed, float[] targets, string file, Action<int>? progress, CancellationToken cancellation)
    {
        int row = views * teacher.Manifest.Dimension, done = 0;
        using var embedder = new OnnxFaceEmbedder(teacher);
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellation };
        Parallel.For(0, faces.Length, options, face =>
        {
            AlignedFace[] crops = [.. Enumerable.Range(0, views).Select(view => FaceRenderer.Fit(Render(set, faces, seed, views, mixed, face, view), teacher.Manifest.Input.Width))];
            embedder.Embed(crops, targets.AsSpan(face * row, row));
            if (Interlocked.Increment(ref done) is var count && count % 50 == 0)
                progress?.Invoke(count);
        });
        byte[] bytes = new byte[targets.Length * sizeof(float)];
        Buffer.BlockCopy(targets, 0, bytes, 0, bytes.Length);
        File.WriteAllBytes(file + ".tmp", bytes);
        File.Move(file + ".tmp", file, overwrite: true);
    }

    private static AlignedFace Render(FaceSet set, int[] faces, int seed, int views, int mixed, int face, int view)
    {
        AlignedFace crop = set.Faces[faces[face]].Aligned!;
        if (view == 0)
            return crop;
        var random = new Random(Seeds.Mix(seed, face, view, 7));
        if (view >= views - mixed)
            crop = FaceRenderer.Mix(crop, set.Faces[faces[random.Next(faces.Length)]].Aligned!, 0.35f + 0.3f * random.NextSingle());
        return FaceRenderer.Render(crop, Jitter.Draw(random, JitterStrength.Aligned));
    }
}
