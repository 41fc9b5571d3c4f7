using System.Diagnostics;
using System.IO.Hashing;
using FaceSearch.Gateway.Problems;
using FaceSearch.Gateway.Telemetry;
using FaceSearch.Http;
using FaceSearch.Vision;

namespace FaceSearch.Gateway.Faces;

/// <summary>One enrolment, checked but not yet looked at.</summary>
internal sealed record Enrolment(
    string Gallery,
    string OperationId,
    string? Identity,
    IReadOnlyDictionary<string, string>? Metadata,
    IReadOnlyList<ReadOnlyMemory<byte>> Images,
    IReadOnlyList<Embedding> Embeddings,
    FacePolicy Faces,
    ConflictPolicy OnConflict,
    int? Generation = null,
    DateTimeOffset? DeadlineAt = null);

/// <summary>Enrols: images to faces to templates to the identity's grain. The single and the bulk endpoint share it.</summary>
internal sealed class Enroller(Catalogue catalogue, FaceReader faces, IGrainFactory grains, GatewayMetrics metrics)
{
    /// <summary>Most images of one enrolment.</summary>
    public const int MaxImages = 16;

    /// <summary>Most templates of one enrolment.</summary>
    public const int MaxTemplates = 64;

    private sealed record Source(int? Image, Face? Face, NewTemplate Template);

    private sealed record Looked(int Image, IReadOnlyList<FaceCandidate> Good, IReadOnlyList<RejectedImage> Rejected, IReadOnlyList<string> Warnings);

    /// <exception cref="ProblemException">Nothing could be enrolled, or it conflicts.</exception>
    /// <exception cref="FaceSearchException">What the grains refuse.</exception>
    public async Task<EnrolResponse> EnrolAsync(Enrolment enrolment, CancellationToken cancellation)
    {
        using Activity? span = GatewayTracing.Source.StartActivity("enrol");
        span?.SetTag("gallery", enrolment.Gallery).SetTag("images", enrolment.Images.Count).SetTag("embeddings", enrolment.Embeddings.Count);
        try
        {
            return await catalogue.WithModelAsync(enrolment.Gallery, model =>
                EnrolAsync(enrolment, enrolment.Images.Count == 0 ? Catalogue.Ready(model, enrolment.Generation) : model, cancellation));
        }
        catch (FaceSearchException e) when (e.Type is ProblemTypes.GenerationMismatch or ProblemTypes.GalleryNotFound)
        {
            metrics.Enrolled(e.Type);
            throw;
        }
    }

    private async Task<EnrolResponse> EnrolAsync(Enrolment enrolment, GalleryModel model, CancellationToken cancellation)
    {
        List<RejectedImage> rejected = [];
        List<string> warnings = [];
        List<Source> sources = [.. enrolment.Embeddings.Select((e, i) => new Source(i, null, new NewTemplate(e, TemplateQuality.Unknown)))];
        if (enrolment.Images.Count > 0)
            sources.AddRange(await ReadAsync(enrolment, model, rejected, warnings, cancellation));
        else if (model.Retention != Retention.None)
            warnings.Add("Ready embeddings bring no image: these templates cannot be moved to another model, unless it is compatible.");
        if (sources.Count == 0)
            throw Rejected(rejected);
        if (sources.Count > MaxTemplates)
            throw ProblemException.Invalid($"One enrolment adds up to {MaxTemplates} templates; this one would add {sources.Count}.");
        return await CommitAsync(enrolment, model, sources, rejected, warnings, cancellation);
    }

    private async Task<EnrolResponse> CommitAsync(Enrolment enrolment, GalleryModel model, List<Source> sources,
        List<RejectedImage> rejected, List<string> warnings, CancellationToken cancellation)
    {
        string identity = enrolment.Identity ?? Ids.IdentityFor(enrolment.Gallery, enrolment.OperationId);
        EnrolOutcome outcome = await grains.GetGrain<IIdentityGrain>(Ids.IdentityKey(enrolment.Gallery, identity)).EnrolAsync(
            new EnrolCommand(enrolment.OperationId, model.Generation, sources.Select(s => s.Template).ToArray(), enrolment.Metadata, enrolment.OnConflict, ContentHash(enrolment)),
            cancellation);
        metrics.Enrolled(outcome.Status switch { EnrolStatus.Enrolled => "enrolled", EnrolStatus.Replayed => "replayed", _ => "conflict" });
        if (outcome.Status == EnrolStatus.Conflict)
            throw Conflict(outcome);
        bool inOrder = outcome.Templates.Count == sources.Count;
        EnrolledTemplate[] templates =
            [.. outcome.Templates.Select((id, i) => inOrder ? new EnrolledTemplate(id, sources[i].Image, sources[i].Face) : new EnrolledTemplate(id, null, null))];
        return new(enrolment.OperationId, outcome.Status, outcome.Identity, outcome.Version, templates, rejected, warnings, outcome.ConsistencyToken);
    }

    private async Task<IEnumerable<Source>> ReadAsync(Enrolment enrolment, GalleryModel model,
        List<RejectedImage> rejected, List<string> warnings, CancellationToken cancellation)
    {
        string embedder = Catalogue.EmbedderOf(enrolment.Gallery, model);
        Looked[] looked = await Task.WhenAll(enrolment.Images.Select((bytes, i) => LookAsync(embedder, bytes, i, enrolment.Faces, cancellation)));
        rejected.AddRange(looked.SelectMany(l => l.Rejected));
        warnings.AddRange(looked.SelectMany(l => l.Warnings).Distinct());
        (int Image, FaceCandidate Face)[] good = [.. looked.SelectMany(l => l.Good, (l, face) => (l.Image, face))];
        if (good.Length is 0 or > MaxTemplates)
            return good.Select(g => new Source(g.Image, null, null!));
        IReadOnlyList<EmbeddedFace> embedded = await faces.EmbedAsync(embedder, [.. good.Select(g => g.Face)], enrolment.DeadlineAt, cancellation);
        return good.Zip(embedded, (g, e) => new Source(g.Image, g.Face.ToFace(), Template(enrolment, model.Retention, g.Image, g.Face, e.Embedding)));
    }

    /// <summary>With the images that the gallery keeps; no other ever travels.</summary>
    private static NewTemplate Template(Enrolment enrolment, Retention retention, int image, FaceCandidate face, Embedding embedding) => new(
        embedding,
        face.Quality.ToTemplateQuality(),
        retention == Retention.None ? null : new FaceCrop(face.Crop.Size, face.Crop.Rgb),
        retention == Retention.Original ? enrolment.Images[image].ToArray() : null);

    private async Task<Looked> LookAsync(string embedder, ReadOnlyMemory<byte> bytes, int image, FacePolicy policy, CancellationToken cancellation)
    {
        try
        {
            FaceAnalysis analysis = await faces.AnalyseAsync(embedder, bytes, cancellation);
            IReadOnlyList<FaceCandidate> picked = faces.Pick(analysis, policy);
            return new(image, [.. picked.Where(f => f.Rejections.Count == 0)],
                [.. picked.Where(f => f.Rejections.Count > 0).Select(f => TooPoor(image, f))], faces.Warnings(analysis, policy));
        }
        catch (ImageRejectedException e) when (e.Reason != ImageRejection.Busy)
        {
            return new(image, [], [new RejectedImage(image, ProblemTypes.ImageRejected, e.Message, [e.Code])], []);
        }
        catch (ProblemException e) when (e.Problem.Slug is ProblemTypes.NoFace or ProblemTypes.SeveralFaces)
        {
            return new(image, [], [new RejectedImage(image, e.Problem.Slug, e.Problem.Detail, null, e.Problem.Faces)], []);
        }
    }

    /// <summary>Null where only embeddings were sent: they are their own content.</summary>
    private static ulong? ContentHash(Enrolment enrolment)
    {
        if (enrolment.Images.Count == 0)
            return null;
        XxHash3 hash = new();
        foreach (ReadOnlyMemory<byte> image in enrolment.Images)
            hash.Append(image.Span);
        foreach (Embedding embedding in enrolment.Embeddings)
            hash.Append(embedding.Bytes);
        return hash.GetCurrentHashAsUInt64();
    }

    private static RejectedImage TooPoor(int image, FaceCandidate face)
    {
        Face shown = face.ToFace();
        return new(image, ProblemTypes.FaceRejected, $"The face is not good enough to be enrolled: {string.Join(", ", shown.Rejections)}.", shown.Rejections, [shown]);
    }

    private static ProblemException Conflict(EnrolOutcome outcome)
    {
        bool duplicate = outcome.Conflicts.All(c => c.Kind == ConflictKind.NearDuplicate);
        return new(ProblemFactory.Create(ProblemTypes.EnrolmentConflict, duplicate
            ? "The identity already has (nearly) this template. Nothing was enrolled; send onConflict=allow to enrol it all the same."
            : "Another identity looks like this one. Nothing was enrolled; see 'conflicts', and send onConflict=allow if they are different people.") with
        {
            Conflicts = outcome.Conflicts,
        });
    }

    private static ProblemException Rejected(List<RejectedImage> rejected)
    {
        if (rejected.Count == 1)
        {
            RejectedImage only = rejected[0];
            return new(ProblemFactory.Create(only.Reason, only.Detail) with
            {
                Reason = only.Reason == ProblemTypes.ImageRejected ? only.Reasons?[0] : null,
                Reasons = only.Reasons,
                Faces = only.Faces,
                Rejected = rejected,
            });
        }
        string[] kinds = [.. rejected.Select(r => r.Reason).Distinct()];
        return new(ProblemFactory.Create(kinds.Length == 1 ? kinds[0] : ProblemTypes.ImageRejected,
            "None of the images gave a face to enrol; 'rejected' says why for each.") with { Rejected = rejected });
    }
}
