using System.Diagnostics;
using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.Telemetry;
using FaceSearch.Http;
using FaceSearch.Vision;

namespace FaceSearch.Gateway.Faces;

/// <summary>Answers "who is this?" for an embedding, or for every face of an image in parallel.</summary>
internal sealed class Identifier(Catalogue catalogue, FaceReader faces, IGrainFactory grains, GatewayMetrics metrics, ShadowSampler shadow)
{
    /// <summary>Identities in a candidate list, unless the caller asks otherwise.</summary>
    public const int DefaultTop = 5;

    private const int KeysPerGallery = 16;

    private sealed record Probe(Face? Face, Embedding Embedding);

    private sealed record Looked(IReadOnlyList<Probe> Probes, IReadOnlyList<string> Warnings, double AnalyseMs, double EmbedMs, int? Width, int? Height);

    /// <exception cref="FaceSearchException">What the grains refuse.</exception>
    public Task<IdentifyResponse> IdentifyAsync(string gallery, IdentifyRequest request, IReadOnlyList<ConsistencyToken>? after, ReadOnlyMemory<byte>? image, Deadline deadline, CancellationToken cancellation) =>
        catalogue.WithModelAsync(gallery, model => IdentifyAsync(gallery, image is null ? Catalogue.Ready(model, request.Generation) : model, request, after, image, deadline, cancellation));

    private async Task<IdentifyResponse> IdentifyAsync(
        string gallery, GalleryModel model, IdentifyRequest request, IReadOnlyList<ConsistencyToken>? after, ReadOnlyMemory<byte>? image, Deadline deadline, CancellationToken cancellation)
    {
        using Activity? span = GatewayTracing.Source.StartActivity("identify");
        span?.SetTag("gallery", gallery).SetTag("generation", model.Generation);
        long start = Stopwatch.GetTimestamp();
        Looked looked = image is { } bytes
            ? await LookAsync(gallery, model, bytes, request.Faces ?? FacePolicy.All, deadline, cancellation)
            : new([new Probe(null, request.Embedding!)], [], 0, 0, null, null);
        long searching = Stopwatch.GetTimestamp();
        IdentifyOutcome[] outcomes = await SearchAsync(gallery, model, request, after, looked.Probes, deadline, cancellation);
        double searchMs = Stopwatch.GetElapsedTime(searching).TotalMilliseconds;
        IReadOnlyList<OperatingPoint> points = await catalogue.OperatingPointsAsync(outcomes[0].Model);
        return new(
            [.. outcomes.Zip(looked.Probes, (o, p) => new FaceResult(p.Face, o.Decision, o.Candidates, o.Threshold, o.Margin))],
            outcomes[0].Model,
            outcomes[0].Generation,
            outcomes.Min(o => o.ShardsAnswered),
            outcomes[0].ShardsTotal,
            points,
            Warnings(looked.Warnings, outcomes),
            new IdentifyTimings(looked.AnalyseMs, looked.EmbedMs, searchMs, outcomes.Max(o => o.SearchMicroseconds) / 1000, Stopwatch.GetElapsedTime(start).TotalMilliseconds),
            looked.Width,
            looked.Height,
            outcomes.Any(o => o.StoppedEarly),
            outcomes.Max(o => o.ReplicasAnswered));
    }

    private async Task<Looked> LookAsync(string gallery, GalleryModel model, ReadOnlyMemory<byte> image, FacePolicy policy, Deadline deadline, CancellationToken cancellation)
    {
        string embedder = Catalogue.EmbedderOf(gallery, model);
        long start = Stopwatch.GetTimestamp();
        FaceAnalysis analysis = await faces.AnalyseAsync(embedder, image, cancellation);
        IReadOnlyList<FaceCandidate> picked = faces.Pick(analysis, policy);
        double analyseMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        start = Stopwatch.GetTimestamp();
        IReadOnlyList<EmbeddedFace> embedded = await faces.EmbedAsync(embedder, picked, deadline.At, cancellation);
        if (embedded.Count > 0)
            shadow.Offer(embedder, image, embedded[0]);
        return new([.. embedded.Select(e => new Probe(e.Candidate.ToFace(), e.Embedding))], faces.Warnings(analysis, policy),
            analyseMs, Stopwatch.GetElapsedTime(start).TotalMilliseconds, analysis.OriginalWidth, analysis.OriginalHeight);
    }

    private async Task<IdentifyOutcome[]> SearchAsync(string gallery, GalleryModel model, IdentifyRequest request, IReadOnlyList<ConsistencyToken>? after,
        IReadOnlyList<Probe> probes, Deadline deadline, CancellationToken cancellation)
    {
        return await Task.WhenAll(probes.Select(async probe =>
        {
            long start = Stopwatch.GetTimestamp();
            IdentifyOutcome outcome = await grains.GetGrain<IIdentifyGrain>(AnyKey(gallery)).IdentifyAsync(new IdentifyQuery(gallery, model.Generation, probe.Embedding,
                request.Top ?? DefaultTop, request.Threshold, request.Margin, request.Filter, deadline.At, request.AllowPartial ?? false,
                request.Consistency ?? ReadConsistency.Latest, after), cancellation);
            metrics.Identified(outcome.Decision, Stopwatch.GetElapsedTime(start), outcome.SearchMicroseconds);
            return outcome;
        }));
    }

    /// <summary>An Orleans client binds a key to one of the silos that it knows: several keys spread a gallery's identifications over them.</summary>
    private static string AnyKey(string gallery) => $"{gallery}/{Random.Shared.Next(KeysPerGallery)}";

    private static IReadOnlyList<string> Warnings(IReadOnlyList<string> warnings, IdentifyOutcome[] outcomes)
    {
        IdentifyOutcome least = outcomes.MinBy(o => o.ShardsAnswered)!;
        return least.ShardsAnswered == least.ShardsTotal
            ? warnings
            : [.. warnings, $"Only {least.ShardsAnswered} of {least.ShardsTotal} shards answered: 'unknown' may be wrong."];
    }
}
