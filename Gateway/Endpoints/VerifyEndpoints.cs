using FaceSearch.Gateway.Faces;
using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.OpenApi;
using FaceSearch.Gateway.Problems;
using FaceSearch.Gateway.Security;
using FaceSearch.Http;
using FaceSearch.Vision;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;

namespace FaceSearch.Gateway.Endpoints;

/// <summary>1:1: are these two the same person?</summary>
internal static class VerifyEndpoints
{
    private const double DefaultFmr = 1e-3;

    private sealed record Side(Face? Face, Embedding Embedding, IReadOnlyList<string> Warnings);

    public static void MapVerify(this IEndpointRouteBuilder api)
    {
        RouteGroupBuilder group = api.MapGroup("").WithTags("Recognition").RequireRateLimiting(RateLimits.ByBody);
        group.MapPost("/verify", VerifyAsync).Needs(ApiRole.Identify)
            .WithBody(new BodyDoc(typeof(VerifyRequest), Examples.Verify,
                Form: [FormField.File("a", "One image"), FormField.File("b", "The other"), FormField.Number("fmr"), FormField.Text("model")]))
            .WithDoc("verify", "Are these two the same person?",
                "Compares two images, two embeddings, or one of each, at the model's score for the wanted false-match rate. Where an image shows several faces the largest is taken, with a warning.",
                ProblemTypes.NoFace, ProblemTypes.ImageRejected, ProblemTypes.ModelNotFound, ProblemTypes.ModelNotInstalled, ProblemTypes.TooLarge);
        group.MapPost("/galleries/{gallery}/identities/{identity}/verify", VerifyIdentityAsync).Needs(ApiRole.Identify)
            .WithBody(new BodyDoc(typeof(IdentityVerifyRequest), Examples.IdentityVerify, Form: [FormField.File("image", "The image"), FormField.Number("fmr"), FormField.Text("consistencyToken")], RawImage: true))
            .WithDoc("verifyIdentity", "Is this that person?", "Compares a face with every template of an identity.",
                ProblemTypes.GalleryNotFound, ProblemTypes.IdentityNotFound, ProblemTypes.NoFace, ProblemTypes.ImageRejected, ProblemTypes.ModelNotInstalled, ProblemTypes.TooLarge);
    }

    private static async Task<Ok<VerifyResponse>> VerifyAsync(
        HttpContext context, RequestReader reader, FaceReader faces, Catalogue catalogue, IOptions<GatewayOptions> options)
    {
        ApiInput<VerifyRequest> input = await reader.ReadAsync(context, FaceSearchJson.Default.VerifyRequest, 2, context.RequestAborted);
        double fmr = Check.Rate("fmr", input.Json?.Fmr ?? input.Fields.Double("fmr")) ?? DefaultFmr;
        string? name = input.Json?.Model ?? input.Fields.Text("model");
        input.Fields.RefuseUnknown();
        using Deadline deadline = new(context, options.Value.MaxTimeout);
        ModelDescription model = await catalogue.EmbedderAsync(name);
        if (model.OperatingPoints.Count == 0)
            throw ProblemException.Invalid("The model has no operating points, so no threshold can be given for an FMR. Evaluate it first.");
        Side[] sides = await deadline.RunAsync(token => Task.WhenAll(
            SideAsync(faces, model.Name, Part(input, "a", input.Json?.A), input.Json?.A?.Embedding, deadline, token),
            SideAsync(faces, model.Name, Part(input, "b", input.Json?.B), input.Json?.B?.Embedding, deadline, token)));
        float score = sides[0].Embedding.Score(sides[1].Embedding);
        float threshold = OperatingCurve.ScoreAt(model.OperatingPoints, fmr);
        return TypedResults.Ok(new VerifyResponse(score >= threshold, score, threshold, fmr, model.Name,
            new VerifiedFaces(sides[0].Face, sides[1].Face), [.. sides.SelectMany(s => s.Warnings).Distinct()]));
    }

    private static async Task<Ok<IdentityVerifyResponse>> VerifyIdentityAsync(string gallery, string identity,
        HttpContext context, RequestReader reader, FaceReader faces, Catalogue catalogue, IGrainFactory grains, IOptions<GatewayOptions> options)
    {
        string key = Ids.IdentityKey(Check.Gallery(gallery), Check.Identity(identity));
        ApiInput<IdentityVerifyRequest> input = await reader.ReadAsync(context, FaceSearchJson.Default.IdentityVerifyRequest, 1, context.RequestAborted);
        double? fmr = Check.Rate("fmr", input.Json?.Fmr ?? input.Fields.Double("fmr"));
        ConsistencyToken[]? after = Check.Tokens(gallery, input.Json?.ConsistencyToken ?? input.Fields.Text("consistencyToken"));
        input.Fields.RefuseUnknown();
        ReadOnlyMemory<byte>? image = OneImage.Of(input, input.Json?.Image, input.Json?.Embedding);
        using Deadline deadline = new(context, options.Value.MaxTimeout);
        (Side side, VerifyOutcome outcome) = await deadline.RunAsync(token => catalogue.WithModelAsync(gallery, async model =>
        {
            string embedder = image is null ? model.Model : Catalogue.EmbedderOf(gallery, model);
            Side looked = await SideAsync(faces, embedder, image, input.Json?.Embedding, deadline, token);
            int generation = image is null ? Catalogue.Ready(model, input.Json?.Generation).Generation : model.Generation;
            return (looked, await grains.GetGrain<IIdentityGrain>(key).VerifyAsync(looked.Embedding, generation, fmr, after));
        }));
        return TypedResults.Ok(new IdentityVerifyResponse(outcome.Same, outcome.Score, outcome.Threshold, outcome.Fmr, outcome.BestTemplate, side.Face, side.Warnings));
    }

    private static ReadOnlyMemory<byte>? Part(ApiInput<VerifyRequest> input, string name, FaceInput? json)
    {
        if (input.Json is null)
        {
            return input.Images.SingleOrDefault(i => i.Part == name)?.Bytes
                ?? throw ProblemException.Invalid("Send two file parts, 'a' and 'b', or JSON with 'a' and 'b'.");
        }
        return OneImage.Of(json?.Image, json?.Embedding, name + ".");
    }

    private static async Task<Side> SideAsync(FaceReader faces, string embedder, ReadOnlyMemory<byte>? image, Embedding? ready, Deadline deadline, CancellationToken cancellation)
    {
        if (image is not { } bytes)
            return new(null, ready!, []);
        FaceAnalysis analysis = await faces.AnalyseAsync(embedder, bytes, cancellation);
        IReadOnlyList<EmbeddedFace> embedded = await faces.EmbedAsync(embedder, faces.Pick(analysis, FacePolicy.Largest), deadline.At, cancellation);
        IReadOnlyList<string> warnings = faces.Warnings(analysis, FacePolicy.Largest);
        if (analysis.Faces.Count > 1)
            warnings = [.. warnings, $"An image shows {analysis.Faces.Count} faces; the largest was taken."];
        return new(embedded[0].Candidate.ToFace(), embedded[0].Embedding, warnings);
    }
}
