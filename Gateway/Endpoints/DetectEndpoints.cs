using FaceSearch.Gateway.Faces;
using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.OpenApi;
using FaceSearch.Gateway.Security;
using FaceSearch.Http;
using FaceSearch.Vision;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;

namespace FaceSearch.Gateway.Endpoints;

/// <summary>Finds faces without recognising anybody.</summary>
internal static class DetectEndpoints
{
    public static void MapDetect(this IEndpointRouteBuilder api) =>
        api.MapPost("/detect", DetectAsync).WithTags("Recognition").Needs(ApiRole.Identify).RequireRateLimiting(RateLimits.Images)
            .WithBody(new BodyDoc(typeof(ImageRequest), Examples.Image, Form: [FormField.File("image", "The image")], RawImage: true))
            .WithDoc("detect", "Find faces",
                "Boxes and five landmarks in pixels of the original image after its EXIF orientation, quality, and what would speak against enrolling each face. An image without a face gives an empty list.",
                ProblemTypes.ImageRejected, ProblemTypes.TooLarge);

    private static async Task<Ok<DetectResponse>> DetectAsync(HttpContext context, RequestReader reader, FaceReader faces, IOptions<GatewayOptions> options)
    {
        ApiInput<ImageRequest> input = await reader.ReadAsync(context, FaceSearchJson.Default.ImageRequest, 1, context.RequestAborted);
        input.Fields.RefuseUnknown();
        ReadOnlyMemory<byte> image = OneImage.Required(input, input.Json?.Image);
        using Deadline deadline = new(context, options.Value.MaxTimeout);
        FaceAnalysis analysis = await deadline.RunAsync(token => faces.AnalyseAsync(null, image, token));
        return TypedResults.Ok(new DetectResponse(analysis.OriginalWidth, analysis.OriginalHeight,
            [.. analysis.Faces.Select(f => f.ToFace())], faces.Warnings(analysis, FacePolicy.Reject)));
    }
}
