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

/// <summary>1:N: who is this?</summary>
internal static class IdentifyEndpoints
{
    private const int EmbeddingTimeoutMs = 2_000, ImageTimeoutMs = 10_000;

    public static void MapIdentify(this IEndpointRouteBuilder api) =>
        api.MapPost("/galleries/{gallery}/identify", IdentifyAsync).WithTags("Recognition").Needs(ApiRole.Identify).RequireRateLimiting(RateLimits.ByBody)
            .WithBody(new BodyDoc(typeof(IdentifyRequest), Examples.Identify,
                Form: [FormField.File("image", "The image"), FormField.Number("top"), FormField.Json("threshold", "`{\"targetFpir\":0.01}` or `{\"score\":0.5}`"),
                    FormField.Number("margin"), FormField.Json("filter", "`{\"key\":[\"value\"]}`"), FormField.Choice("faces", typeof(FacePolicy)),
                    FormField.Flag("allowPartial"), FormField.Number("timeoutMs"), FormField.Choice("consistency", typeof(ReadConsistency)), FormField.Text("consistencyToken")], RawImage: true))
            .WithDoc("identify", "Who is this?",
                "One result a face: `match`, `unknown` or `ambiguous`, and the candidate identities, best first, each with the example that matched. Every answer names the "
                + "threshold it used, the false-match rate (FMR) of one comparison at it, and the share of strangers (FPIR) expected to be answered `match` at the gallery's present size. "
                + "All shards must answer unless `allowPartial`: \"nobody\" from a partial search is a wrong answer. The deadline counts from when the request was read. "
                + "Every answer sees all changes that were acknowledged before the request, unless `consistency` is `bounded`.",
                ProblemTypes.GalleryNotFound, ProblemTypes.NoFace, ProblemTypes.SeveralFaces, ProblemTypes.ImageRejected, ProblemTypes.ShardLoading,
                ProblemTypes.ShardUnavailable, ProblemTypes.DeadlineExceeded, ProblemTypes.ModelNotInstalled, ProblemTypes.TooLarge);

    private static async Task<Ok<IdentifyResponse>> IdentifyAsync(
        string gallery, HttpContext context, RequestReader reader, Identifier identifier, IOptions<GatewayOptions> options)
    {
        Check.Gallery(gallery);
        ApiInput<IdentifyRequest> input = await reader.ReadAsync(context, FaceSearchJson.Default.IdentifyRequest, 1, context.RequestAborted);
        int longest = (int)options.Value.MaxTimeout.TotalMilliseconds;
        IdentifyRequest request = Bind(input, longest);
        ConsistencyToken[]? after = Check.Tokens(gallery, request.ConsistencyToken);
        ReadOnlyMemory<byte>? image = OneImage.Of(input, request.Image, request.Embedding);
        int timeout = request.TimeoutMs ?? Math.Min(longest, image is null ? EmbeddingTimeoutMs : ImageTimeoutMs);
        using Deadline deadline = new(context, TimeSpan.FromMilliseconds(timeout));
        return TypedResults.Ok(await deadline.RunAsync(token => identifier.IdentifyAsync(gallery, request, after, image, deadline, token)));
    }

    private static IdentifyRequest Bind(ApiInput<IdentifyRequest> input, int longest)
    {
        (IdentifyRequest? json, Fields fields) = (input.Json, input.Fields);
        IdentifyRequest request = new()
        {
            Image = json?.Image,
            Embedding = json?.Embedding,
            Generation = json?.Generation,
            Top = Check.Range("top", json?.Top ?? fields.Int("top"), 1, 100),
            Threshold = Check.Threshold(json?.Threshold ?? fields.Json("threshold", FaceSearchJson.Default.ThresholdPolicy)),
            Margin = Check.Range("margin", json?.Margin ?? fields.Single("margin"), 0f, 1f),
            Filter = Check.Filter(json?.Filter ?? fields.Json("filter", FaceSearchJson.Default.DictionaryStringStringArray)),
            Faces = json?.Faces ?? fields.Enum<FacePolicy>("faces"),
            AllowPartial = json?.AllowPartial ?? fields.Bool("allowPartial"),
            TimeoutMs = Check.Range("timeoutMs", json?.TimeoutMs ?? fields.Int("timeoutMs"), 1, longest),
            Consistency = json?.Consistency ?? fields.Enum<ReadConsistency>("consistency"),
            ConsistencyToken = json?.ConsistencyToken ?? fields.Text("consistencyToken"),
        };
        fields.RefuseUnknown();
        return request;
    }
}
