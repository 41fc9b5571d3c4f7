using System.Collections.Concurrent;
using FaceSearch.Cli.Enrolment;
using FaceSearch.Cli.Terminal;
using FaceSearch.Vision;

namespace FaceSearch.Cli.Evaluate;

/// <summary>Embeds faces of image files in this process: decode, detect, align, embed.</summary>
internal sealed class LocalEmbedder : IDisposable
{
    private const int BatchSize = 16;

    private readonly ImageDecoder decoder = new();
    private readonly YuNetDetector? detector;
    private readonly OnnxFaceEmbedder embedder;
    private readonly FacePipeline pipeline;

    /// <param name="store">Where the models lie.</param>
    /// <exception cref="UsageException">No embedder is installed there.</exception>
    public LocalEmbedder(ModelStore store)
    {
        InstalledModel model = store.Find(ModelKind.Embedder)
            ?? throw new UsageException($"No embedder is installed in {store.Folder}.", "Install one with: facesearch models pull mobilefacenet-128   (or name another folder with --models)");
        embedder = new OnnxFaceEmbedder(model);
        detector = store.Find(ModelKind.Detector) is { } found ? new YuNetDetector(found) : null;
        pipeline = new FacePipeline(decoder, detector, model.Manifest);
    }

    /// <summary>The embedder's manifest.</summary>
    public ModelManifest Manifest => embedder.Manifest;

    /// <summary>One unit embedding (of <see cref="ModelManifest.Dimension"/> values) of each image's most central face, or why not; reports 1 for each image.</summary>
    public IReadOnlyDictionary<string, EmbeddedImage> Embed(IReadOnlyList<PersonImage> images, IProgress<int> progress, CancellationToken cancellation) =>
        Embed([.. images.Select(image => image.FullPath)], analysis => analysis.MostCentral is { } face ? [face] : [], progress, cancellation)
            .ToDictionary(pair => pair.Key, pair => new EmbeddedImage(pair.Value.Faces is [var face] ? face.Embedding : null, pair.Value.Failure), StringComparer.Ordinal);

    /// <summary>Every face of every image, or why there is none, by path; reports 1 for each image.</summary>
    public IReadOnlyDictionary<string, EmbeddedFaces> EmbedAll(IReadOnlyList<string> paths, IProgress<int> progress, CancellationToken cancellation) =>
        Embed(paths, analysis => analysis.Faces, progress, cancellation);

    public void Dispose()
    {
        embedder.Dispose();
        detector?.Dispose();
        decoder.Dispose();
    }

    private ConcurrentDictionary<string, EmbeddedFaces> Embed(
        IReadOnlyList<string> paths, Func<FaceAnalysis, IReadOnlyList<FaceCandidate>> pick, IProgress<int> progress, CancellationToken cancellation)
    {
        ConcurrentDictionary<string, EmbeddedFaces> results = new(StringComparer.Ordinal);
        Parallel.ForEach(
            paths.Chunk(BatchSize),
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellation },
            batch => EmbedBatch(batch, pick, results, progress, cancellation));
        return results;
    }

    private void EmbedBatch(
        string[] batch, Func<FaceAnalysis, IReadOnlyList<FaceCandidate>> pick, ConcurrentDictionary<string, EmbeddedFaces> results,
        IProgress<int> progress, CancellationToken cancellation)
    {
        List<(string Path, FaceCandidate Face)> faces = [];
        foreach (string path in batch)
        {
            try
            {
                IReadOnlyList<FaceCandidate> picked = pick(pipeline.Analyse(File.ReadAllBytes(path), cancellation: cancellation));
                faces.AddRange(picked.Select(face => (path, face)));
                if (picked.Count == 0)
                    results[path] = new([], ProblemTypes.NoFace);
            }
            catch (ImageRejectedException rejected)
            {
                results[path] = new([], rejected.Code);
            }
            catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
            {
                results[path] = new([], "file-unreadable");
            }
            progress.Report(1);
        }
        int dimension = Manifest.Dimension, at = 0;
        float[] embeddings = new float[faces.Count * dimension];
        foreach ((string Path, FaceCandidate Face)[] part in faces.Chunk(BatchSize))
        {
            embedder.Embed([.. part.Select(face => face.Face.Crop)], embeddings.AsSpan(at * dimension, part.Length * dimension));
            at += part.Length;
        }
        at = 0;
        foreach (IGrouping<string, (string Path, FaceCandidate Face)> image in faces.GroupBy(face => face.Path, StringComparer.Ordinal))
            results[image.Key] = new([.. image.Select(face => new EmbeddedFace(face.Face.Box, embeddings.AsSpan(at++ * dimension, dimension).ToArray()))], null);
    }
}

/// <summary>An image's embedding, or the code of why it has none; exactly one of the two.</summary>
internal sealed record EmbeddedImage(float[]? Embedding, string? Failure);

/// <summary>One face of an image.</summary>
internal sealed record EmbeddedFace(FaceBox Box, float[] Embedding);

/// <summary>An image's faces, or the code of why it has none.</summary>
internal sealed record EmbeddedFaces(IReadOnlyList<EmbeddedFace> Faces, string? Failure);
