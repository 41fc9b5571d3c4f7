using System.Collections.Concurrent;
using FaceSearch.Cli.Client;
using FaceSearch.Cli.Enrolment;
using FaceSearch.Http;

namespace FaceSearch.Cli.Evaluate;

/// <summary>What is sent to the server for an image.</summary>
internal enum Sent
{
    /// <summary>The image itself, each time.</summary>
    Images,

    /// <summary>The template that the server made of the image, once: for many searches of one image.</summary>
    Templates,
}

/// <summary>
/// A gallery of its own on a running server, used as any client would: enrolled and searched over the HTTP API with the
/// gallery's default settings, the most central face of each image, and the five best candidates. Deleted when done.
/// </summary>
internal sealed class ServerTarget : ISearchTarget
{
    private const int Top = 5;

    private readonly FaceSearchClient client;
    private readonly string gallery;
    private readonly Sent sent;
    private readonly bool keep;
    private readonly int parallel;
    private readonly ConcurrentDictionary<string, Embedding> templates = new(StringComparer.Ordinal);

    private ServerTarget(FaceSearchClient client, GalleryDescription description, Sent sent, bool keep, int parallel)
    {
        this.client = client;
        this.sent = sent;
        this.keep = keep;
        this.parallel = parallel;
        gallery = description.Id;
        Model = description.Model;
    }

    public string Mode => "http";

    public string Model { get; }

    /// <summary>Creates the gallery.</summary>
    /// <exception cref="ApiException">gallery-exists, or the key may not.</exception>
    public static async Task<ServerTarget> CreateAsync(
        FaceSearchClient client, string gallery, double targetFpir, Sent sent, bool keep, int parallel, CancellationToken cancellation)
    {
        GalleryRequest settings = new() { Description = "facesearch evaluate", Threshold = new ThresholdPolicy(TargetFpir: targetFpir) };
        return new(client, await client.CreateGalleryAsync(gallery, settings, cancellation), sent, keep, parallel);
    }

    public async Task<IReadOnlyList<ImageFailure>> EnrolAsync(IReadOnlyList<PersonImage> images, IProgress<int> progress, CancellationToken cancellation)
    {
        ConcurrentBag<ImageFailure> failures = [];
        await Parallel.ForEachAsync(images, Options(cancellation), async (image, token) =>
        {
            try
            {
                byte[] bytes = await File.ReadAllBytesAsync(image.FullPath, token);
                EnrolRequest request = new()
                {
                    Identity = image.Identity,
                    Images = sent == Sent.Images ? [bytes] : null,
                    Embeddings = sent == Sent.Templates ? [await TemplateAsync(image, bytes, token)] : null,
                    Faces = FacePolicy.Central,
                    OnConflict = ConflictPolicy.Allow,
                };
                EnrolResponse answer = await client.EnrolAsync(gallery, OperationIds.ForImage(gallery, image.Identity, image.RelativePath, bytes), request, token);
                if (answer.Rejected is [{ } rejected, ..])
                    failures.Add(new(image.RelativePath, rejected.Reason));
            }
            catch (ApiException refusal) when (IsOfTheImage(refusal))
            {
                failures.Add(new(image.RelativePath, refusal.Type));
            }
            progress.Report(1);
        });
        return [.. failures.OrderBy(failure => failure.File, StringComparer.Ordinal)];
    }

    public async Task<IReadOnlyList<SearchedProbe>> IdentifyAsync(IReadOnlyList<PersonImage> probes, IProgress<int> progress, CancellationToken cancellation)
    {
        SearchedProbe[] answers = new SearchedProbe[probes.Count];
        await Parallel.ForAsync(0, probes.Count, Options(cancellation), async (i, token) =>
        {
            PersonImage probe = probes[i];
            try
            {
                byte[] bytes = await File.ReadAllBytesAsync(probe.FullPath, token);
                IdentifyRequest request = sent == Sent.Images
                    ? new() { Image = bytes, Faces = FacePolicy.Central, Top = Top, TimeoutMs = 30_000 }
                    : new() { Embedding = await TemplateAsync(probe, bytes, token), Top = Top, TimeoutMs = 30_000 };
                IdentifyResponse answer = await client.IdentifyAsync(gallery, request, token);
                answers[i] = Read(probe, answer.Results[0]);
            }
            catch (ApiException refusal) when (IsOfTheImage(refusal))
            {
                answers[i] = SearchedProbe.Failed(probe, refusal.Type);
            }
            progress.Report(1);
        });
        return answers;
    }

    public async Task<ThresholdInForce> ThresholdAsync(CancellationToken cancellation) => (await client.GetGalleryAsync(gallery, cancellation)).Threshold;

    public async ValueTask DisposeAsync()
    {
        if (!keep)
            await client.DeleteGalleryAsync(gallery, CancellationToken.None);
    }

    private static SearchedProbe Read(PersonImage probe, FaceResult result)
    {
        int rank = SearchedProbe.NotFound;
        float mated = float.NegativeInfinity, impostor = float.NegativeInfinity;
        for (int i = result.Candidates.Count - 1; i >= 0; i--)
        {
            Candidate candidate = result.Candidates[i];
            if (candidate.Identity == probe.Identity)
                (rank, mated) = (i + 1, candidate.Score);
            else
                impostor = candidate.Score;
        }
        return new(probe, null, rank, mated, impostor, result.Decision, result.Candidates.Count == 0 ? null : result.Candidates[0].Identity);
    }

    private async Task<Embedding> TemplateAsync(PersonImage image, byte[] bytes, CancellationToken cancellation)
    {
        if (templates.TryGetValue(image.FullPath, out Embedding? known)) return known;
        TemplateResponse answer = await client.TemplatesAsync(new TemplateRequest { Image = bytes, Gallery = gallery, Faces = FacePolicy.Central }, cancellation);
        return templates[image.FullPath] = answer.Templates[0].Embedding;
    }

    private ParallelOptions Options(CancellationToken cancellation) => new() { MaxDegreeOfParallelism = parallel, CancellationToken = cancellation };

    private static bool IsOfTheImage(ApiException refusal) =>
        refusal.Type is ProblemTypes.NoFace or ProblemTypes.ImageRejected or ProblemTypes.FaceRejected or ProblemTypes.SeveralFaces;
}
