using FaceSearch.Gateway.Faces;
using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.OpenApi;
using FaceSearch.Gateway.Problems;
using FaceSearch.Gateway.Security;
using FaceSearch.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;

namespace FaceSearch.Gateway.Endpoints;

/// <summary>Enrols one identity.</summary>
internal static class EnrolmentEndpoints
{
    public static void MapEnrolment(this IEndpointRouteBuilder api) =>
        api.MapPost("/galleries/{gallery}/identities", EnrolAsync).WithTags("Identities").Needs(ApiRole.Enrol).RequireRateLimiting(RateLimits.ByBody)
            .WithBody(new BodyDoc(typeof(EnrolRequest), Examples.Enrol,
                Form: [FormField.Files("image", "1 to 16 image files"), FormField.Text("identity"), FormField.Json("metadata", "A JSON object of strings"),
                    FormField.Choice("faces", typeof(FacePolicy)), FormField.Choice("onConflict", typeof(ConflictPolicy))], RawImage: true))
            .WithDoc("enrol", "Enrol a person",
                "Adds templates to an identity, which is made if it is not there. The answer comes when they are durable and searchable. "
                + "An image must show one face, unless `faces` says which to take (`all` takes every face as one person). Images that give nothing are listed under `rejected`, with "
                + "reasons; if none is left the answer is a problem. A near-duplicate, or a face that another identity would be answered for, is a 409 with "
                + "`conflicts`, unless `onConflict=allow`. Send the same `Idempotency-Key` again to repeat safely.",
                ProblemTypes.GalleryNotFound, ProblemTypes.EnrolmentConflict, ProblemTypes.OperationReused, ProblemTypes.NoFace, ProblemTypes.SeveralFaces,
                ProblemTypes.FaceRejected, ProblemTypes.ImageRejected, ProblemTypes.ModelNotInstalled, ProblemTypes.TooLarge);

    private static async Task<Results<Created<EnrolResponse>, Ok<EnrolResponse>>> EnrolAsync(
        string gallery, HttpContext context, RequestReader reader, Enroller enroller, IOptions<GatewayOptions> options)
    {
        Check.Gallery(gallery);
        string operation = OperationId.Of(context);
        ApiInput<EnrolRequest> input = await reader.ReadAsync(context, FaceSearchJson.Default.EnrolRequest, Enroller.MaxImages, context.RequestAborted);
        Enrolment enrolment = Bind(gallery, operation, input);
        using Deadline deadline = new(context, options.Value.MaxTimeout);
        EnrolResponse response = await enroller.EnrolAsync(enrolment with { DeadlineAt = deadline.At }, deadline.Token);
        return response.Status == EnrolStatus.Replayed
            ? TypedResults.Ok(response)
            : TypedResults.Created($"{HttpApi.Base}/galleries/{gallery}/identities/{Uri.EscapeDataString(response.Identity)}", response);
    }

    private static Enrolment Bind(string gallery, string operation, ApiInput<EnrolRequest> input)
    {
        (EnrolRequest? json, Fields fields) = (input.Json, input.Fields);
        string? identity = json?.Identity ?? fields.Text("identity");
        IReadOnlyDictionary<string, string>? metadata = json?.Metadata ?? fields.Json("metadata", FaceSearchJson.Default.DictionaryStringString);
        FacePolicy faces = json?.Faces ?? fields.Enum<FacePolicy>("faces") ?? FacePolicy.Reject;
        ConflictPolicy conflict = json?.OnConflict ?? fields.Enum<ConflictPolicy>("onConflict") ?? ConflictPolicy.Report;
        fields.RefuseUnknown();
        IReadOnlyList<ReadOnlyMemory<byte>> images = json is null
            ? [.. input.Images.Select(i => Named(i).Bytes)]
            : [.. (json.Images ?? []).Select(bytes => (ReadOnlyMemory<byte>)(bytes ?? throw ProblemException.Invalid("'images' holds a null.")))];
        IReadOnlyList<Embedding> embeddings = json?.Embeddings ?? [];
        if (images.Count + embeddings.Count == 0)
            throw ProblemException.Invalid("There is nothing to enrol: send 'image' parts, or JSON with 'images' or 'embeddings'.");
        if (images.Count > 0 && embeddings.Count > 0)
            throw ProblemException.Invalid("Send either 'images' or 'embeddings', not both.");
        if (images.Count > Enroller.MaxImages)
            throw ProblemException.Invalid($"'images' may hold up to {Enroller.MaxImages}; got {images.Count}.");
        if (embeddings.Count > Enroller.MaxTemplates || embeddings.Any(e => e is null))
            throw ProblemException.Invalid($"'embeddings' may hold up to {Enroller.MaxTemplates}, and no null.");
        return new(gallery, operation, Check.Identity(identity), Check.Metadata(metadata), images, embeddings, faces, conflict, json?.Generation);
    }

    private static UploadedImage Named(UploadedImage image) => image.Part is "image" or "images"
        ? image
        : throw ProblemException.Invalid("File parts of an enrolment are named 'image'.");
}
