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

/// <summary>Embeds faces for callers that keep or compare templates themselves.</summary>
internal static class TemplateEndpoints
{
    public static void MapTemplates(this IEndpointRouteBuilder api) =>
        api.MapPost("/templates", EmbedAsync).WithTags("Recognition").Needs(ApiRole.Enrol).RequireRateLimiting(RateLimits.Images)
            .WithBody(new BodyDoc(typeof(TemplateRequest), Examples.Image,
                Form: [FormField.File("image", "The image"), FormField.Text("gallery"), FormField.Text("model"), FormField.Choice("faces", typeof(FacePolicy))], RawImage: true))
            .WithDoc("embed", "Embed faces",
                "The embedding of every face, by the active model, a named one, or that of a gallery. Embeddings are biometric secrets.",
                ProblemTypes.GalleryNotFound, ProblemTypes.ModelNotFound, ProblemTypes.NoFace, ProblemTypes.SeveralFaces, ProblemTypes.ImageRejected,
                ProblemTypes.ModelNotInstalled, ProblemTypes.TooLarge);

    private static async Task<Ok<TemplateResponse>> EmbedAsync(
        HttpContext context, RequestReader reader, FaceReader faces, Catalogue catalogue, IOptions<GatewayOptions> options)
    {
        ApiInput<TemplateRequest> input = await reader.ReadAsync(context, FaceSearchJson.Default.TemplateRequest, 1, context.RequestAborted);
        (TemplateRequest? json, Fields fields) = (input.Json, input.Fields);
        string? gallery = json?.Gallery ?? fields.Text("gallery");
        string? model = json?.Model ?? fields.Text("model");
        FacePolicy policy = json?.Faces ?? fields.Enum<FacePolicy>("faces") ?? FacePolicy.All;
        fields.RefuseUnknown();
        ReadOnlyMemory<byte> image = OneImage.Required(input, json?.Image);
        if (gallery is not null && model is not null)
            throw ProblemException.Invalid("Send 'gallery' or 'model', not both.");
        using Deadline deadline = new(context, options.Value.MaxTimeout);
        string embedder = gallery is not null
            ? Catalogue.EmbedderOf(gallery, await catalogue.GalleryModelAsync(Check.Gallery(gallery)))
            : (await catalogue.EmbedderAsync(model)).Name;
        return TypedResults.Ok(await deadline.RunAsync(async token =>
        {
            FaceAnalysis analysis = await faces.AnalyseAsync(embedder, image, token);
            IReadOnlyList<EmbeddedFace> embedded = await faces.EmbedAsync(embedder, faces.Pick(analysis, policy), deadline.At, token);
            return new TemplateResponse([.. embedded.Select(e => new FaceTemplate(e.Embedding, embedder, e.Candidate.ToFace()))], faces.Warnings(analysis, policy));
        }));
    }
}
