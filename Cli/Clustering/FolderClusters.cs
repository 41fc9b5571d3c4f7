using FaceSearch.Cli.Evaluate;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using FaceSearch.VectorIndex;
using FaceSearch.VectorIndex.Clustering;

namespace FaceSearch.Cli.Clustering;

/// <summary>One face of a picture of the folder.</summary>
/// <param name="File">Path below the folder, with '/' on every system.</param>
/// <param name="Box">Where in the picture.</param>
internal sealed record ClusteredFace(string File, Box Box);

/// <summary>Faces that seem to be of one person.</summary>
/// <param name="Name">Its name, and that of its sub-folder when it is copied: <c>person-0001</c> is the largest.</param>
/// <param name="Cohesion">Mean score of all pairs; null for a single face.</param>
/// <param name="Faces">By file.</param>
internal sealed record FacesOfOne(string Name, float? Cohesion, IReadOnlyList<ClusteredFace> Faces);

/// <summary>The groups of a folder. Its JSON form is stable.</summary>
/// <param name="Alone">Faces of groups smaller than asked for; they are not listed.</param>
/// <param name="Failures">Pictures without a face, or that could not be read.</param>
/// <param name="CopiedTo">Where the pictures were copied to, or null.</param>
internal sealed record FolderClusters(
    string Folder, string Model, float Threshold, int Pictures, int Faces, int Alone, IReadOnlyList<FacesOfOne> Groups,
    IReadOnlyList<ImageFailure> Failures, double Seconds, string? Csv, string? CopiedTo);

/// <summary>Groups every face of every picture of a folder by person, in this process.</summary>
internal static class FolderClusterer
{
    /// <param name="embedder">Model and detector.</param>
    /// <param name="images">Pictures: path below the folder, and where to read them.</param>
    /// <param name="options">Threshold.</param>
    /// <param name="minSize">Smaller groups are not returned.</param>
    /// <param name="output">Draws progress.</param>
    /// <param name="cancellation">Ends it.</param>
    public static async Task<FolderClusters> RunAsync(
        string folder, LocalEmbedder embedder, IReadOnlyList<(string RelativePath, string FullPath)> images, ClusterOptions options, int minSize, Output output, CancellationToken cancellation)
    {
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        IReadOnlyDictionary<string, EmbeddedFaces> embedded = new Dictionary<string, EmbeddedFaces>();
        await output.WithProgressAsync("Embedding faces", images.Count, async progress =>
            embedded = await Task.Run(() => embedder.EmbedAll([.. images.Select(image => image.FullPath)], progress, cancellation), cancellation));
        List<ImageFailure> failures = [];
        List<(ClusteredFace Face, float[] Embedding)> faces = [];
        foreach ((string relative, string full) in images)
        {
            EmbeddedFaces found = embedded[full];
            if (found.Failure is { } failure)
                failures.Add(new(relative, failure));
            faces.AddRange(found.Faces.Select(face => (new ClusteredFace(relative, new Box(face.Box.X, face.Box.Y, face.Box.Width, face.Box.Height)), face.Embedding)));
        }
        IReadOnlyList<long[]> groups = [];
        await output.WithProgressAsync("Finding neighbours", faces.Count, async progress =>
            groups = await Task.Run(() => Group([.. faces.Select(face => face.Embedding)], embedder.Manifest.Dimension, options, progress, cancellation), cancellation));
        FacesOfOne[] people = [.. groups.Where(group => group.Length >= minSize).Select((group, i) => new FacesOfOne(
            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"person-{i + 1:d4}"),
            Cohesion([.. group.Select(id => faces[(int)id].Embedding)]),
            [.. group.Select(id => faces[(int)id].Face)]))];
        return new(
            folder, embedder.Manifest.Name, options.Threshold, images.Count, faces.Count, faces.Count - people.Sum(group => group.Faces.Count), people, failures,
            System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds, null, null);
    }

    /// <summary>Groups rows of unit vectors; largest first, rows ascending.</summary>
    private static IReadOnlyList<long[]> Group(float[][] vectors, int dimension, ClusterOptions options, IProgress<int> progress, CancellationToken cancellation)
    {
        using TieredIndex index = new(new TieredOptions { Dimension = dimension });
        for (int i = 0; i < vectors.Length; i++)
            index.Add(i, vectors[i]);
        index.Settle();
        ClusterModel model = new(index, options);
        model.Add(Enumerable.Range(0, vectors.Length).Select(i => (long)i).ToArray(), new Searched(progress), cancellation);
        return model.Groups();
    }

    /// <summary>From |sum|^2 = sum of squares + sum over ordered pairs.</summary>
    private static float? Cohesion(float[][] vectors)
    {
        if (vectors.Length < 2) return null;
        double[] sum = new double[vectors[0].Length];
        double squares = 0;
        foreach (float[] vector in vectors)
        {
            for (int i = 0; i < sum.Length; i++)
            {
                sum[i] += vector[i];
                squares += (double)vector[i] * vector[i];
            }
        }
        return (float)((sum.Sum(x => x * x) - squares) / ((double)vectors.Length * (vectors.Length - 1)));
    }

    private sealed class Searched(IProgress<int> progress) : IProgress<ClusterProgress>
    {
        private long shown;

        public void Report(ClusterProgress value)
        {
            if (value.Stage != ClusterStage.Searching) return;
            progress.Report((int)(value.Done - shown));
            shown = value.Done;
        }
    }
}
