using System.Diagnostics;
using FaceSearch.Gateway.Problems;
using FaceSearch.Gateway.Telemetry;
using FaceSearch.Http;
using FaceSearch.Vision;
using Microsoft.Extensions.Options;

namespace FaceSearch.Gateway.Faces;

/// <summary>A face of an image with its embedding.</summary>
internal sealed record EmbeddedFace(FaceCandidate Candidate, Embedding Embedding);

/// <summary>From uploaded bytes to embeddings: analysis here, embedding (of crops only) in the cluster. Thread-safe.</summary>
internal sealed class FaceReader(VisionModels models, IGrainFactory grains, GatewayMetrics metrics, IOptions<GatewayOptions> options)
{
    /// <summary>Every face of an image.</summary>
    /// <exception cref="ImageRejectedException">The image is refused.</exception>
    public async Task<FaceAnalysis> AnalyseAsync(string? embedder, ReadOnlyMemory<byte> image, CancellationToken cancellation)
    {
        using Activity? span = GatewayTracing.Source.StartActivity("image.analyse");
        FacePipeline pipeline = models.PipelineFor(embedder);
        metrics.ImageQueue(1);
        long start = Stopwatch.GetTimestamp();
        try
        {
            FaceAnalysis analysis = await pipeline.AnalyseAsync(image, cancellation: cancellation);
            metrics.Analysed(Stopwatch.GetElapsedTime(start));
            span?.SetTag("faces", analysis.Faces.Count);
            return analysis;
        }
        finally
        {
            metrics.ImageQueue(-1);
        }
    }

    /// <summary>The faces that a policy picks.</summary>
    /// <exception cref="ProblemException">no-face; several-faces under <see cref="FacePolicy.Reject"/>.</exception>
    public IReadOnlyList<FaceCandidate> Pick(FaceAnalysis analysis, FacePolicy policy)
    {
        if (analysis.Faces.Count == 0)
            throw ProblemException.Of(ProblemTypes.NoFace, "No face was found in the image.");
        if (policy == FacePolicy.All)
            return analysis.Faces.Count <= options.Value.MaxFaces ? analysis.Faces : [.. analysis.Faces.Take(options.Value.MaxFaces)];
        if (analysis.Faces.Count == 1)
            return analysis.Faces;
        return policy switch
        {
            FacePolicy.Largest => [analysis.Largest!],
            FacePolicy.Central => [analysis.MostCentral!],
            _ => throw new ProblemException(ProblemFactory.Create(ProblemTypes.SeveralFaces,
                $"The image shows {analysis.Faces.Count} faces. Crop it to one, or choose with faces=largest, central or all.") with
            {
                Faces = [.. analysis.Faces.Select(f => f.ToFace())],
            }),
        };
    }

    /// <summary>The warnings of an analysis under a policy, as sentences.</summary>
    public IReadOnlyList<string> Warnings(FaceAnalysis analysis, FacePolicy policy)
    {
        List<string> warnings = [.. analysis.Warnings.Select(FaceMapping.Warning)];
        if (policy == FacePolicy.All && analysis.Faces.Count > options.Value.MaxFaces)
            warnings.Add($"The image shows {analysis.Faces.Count} faces; the {options.Value.MaxFaces} surest were taken.");
        return warnings;
    }

    /// <summary>The embeddings of faces, in order; those that still wait at the deadline are not computed.</summary>
    /// <exception cref="FaceSearchException">model-not-installed, overloaded, deadline-exceeded.</exception>
    public async Task<IReadOnlyList<EmbeddedFace>> EmbedAsync(string embedder, IReadOnlyList<FaceCandidate> faces, DateTimeOffset? deadlineAt, CancellationToken cancellation)
    {
        using Activity? span = GatewayTracing.Source.StartActivity("faces.embed");
        span?.SetTag("model", embedder).SetTag("faces", faces.Count);
        long start = Stopwatch.GetTimestamp();
        FaceCrop[] crops = [.. faces.Select(f => new FaceCrop(f.Crop.Size, f.Crop.Rgb))];
        IReadOnlyList<Embedding> embeddings = await grains.GetGrain<IEmbedderGrain>(embedder).EmbedAsync(crops, deadlineAt, cancellation);
        metrics.Embedded(Stopwatch.GetElapsedTime(start));
        return [.. faces.Zip(embeddings, (face, embedding) => new EmbeddedFace(face, embedding))];
    }
}
