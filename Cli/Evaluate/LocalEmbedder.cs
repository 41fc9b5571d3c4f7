using System.Collections.Concurrent;
using FaceSearch.Cli.Enrolment;
using FaceSearch.Cli.Terminal;
using FaceSearch.Vision;

namespace FaceSearch.Cli.Evaluate;

/// <summary>Embeds the most central face of image files in this process: decode, detect, align, embed.</summary>
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

    /// <summary>One unit embedding (of <see cref="ModelManifest.Dimension"/> values) an image, or why not; reports 1 for each image.</summary>
    public IReadOnlyDictionary<string, EmbeddedImage> Embed(IReadOnlyList<PersonImage> images, IProgress<int> progress, CancellationToken cancellation)
    {
        ConcurrentDictionary<string, EmbeddedImage> results = new(StringComparer.Ordinal);
        Parallel.ForEach(
            images.Chunk(BatchSize),
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellation },
            batch => EmbedBatch(batch, results, progress, cancellation));
        return results;
    }

    public void Dispose()
    {
        embedder.Dispose();
        detector?.Dispose();
        decoder.Dispose();
    }

    private void EmbedBatch(PersonImage[] batch, ConcurrentDictionary<string, EmbeddedImage> results, IProgress<int> progress, CancellationToken cancellation)
    {
        List<(string Path, AlignedFace Crop)> faces = [];
        foreach (PersonImage image in batch)
        {
            try
            {
                FaceAnalysis analysis = pipeline.Analyse(File.ReadAllBytes(image.FullPath), cancellation: cancellation);
                if (analysis.MostCentral is { } face)
                    faces.Add((image.FullPath, face.Crop));
                else
                    results[image.FullPath] = new(null, ProblemTypes.NoFace);
            }
            catch (ImageRejectedException rejected)
            {
                results[image.FullPath] = new(null, rejected.Code);
            }
            catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
            {
                results[image.FullPath] = new(null, "file-unreadable");
            }
            progress.Report(1);
        }
        if (faces.Count == 0) return;
        int dimension = Manifest.Dimension;
        float[] embeddings = new float[faces.Count * dimension];
        embedder.Embed([.. faces.Select(face => face.Crop)], embeddings);
        for (int i = 0; i < faces.Count; i++)
            results[faces[i].Path] = new(embeddings[(i * dimension)..((i + 1) * dimension)], null);
    }
}

/// <summary>An image's embedding, or the code of why it has none; exactly one of the two.</summary>
internal sealed record EmbeddedImage(float[]? Embedding, string? Failure);
