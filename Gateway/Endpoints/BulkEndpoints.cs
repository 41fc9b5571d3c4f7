using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using FaceSearch.Gateway.Bulk;
using FaceSearch.Gateway.Faces;
using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.OpenApi;
using FaceSearch.Gateway.Problems;
using FaceSearch.Gateway.Security;
using FaceSearch.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace FaceSearch.Gateway.Endpoints;

/// <summary>Enrols a stream of identities.</summary>
internal static class BulkEndpoints
{
    public static void MapBulk(this IEndpointRouteBuilder api) =>
        api.MapPost("/galleries/{gallery}/bulk", BulkAsync).WithTags("Identities").Needs(ApiRole.Enrol).RequireRateLimiting(RateLimits.Bulk)
            .Produces<BulkLine>(200, HttpApi.NdjsonMediaType)
            .WithBody(new BodyDoc(typeof(BulkItem), Examples.BulkItem, JsonMediaType: HttpApi.NdjsonMediaType,
                Form: [FormField.Files("file", "Image files, each named `<identity>/<file>`"), FormField.Choice("faces", typeof(FacePolicy)), FormField.Choice("onConflict", typeof(ConflictPolicy))]))
            .WithDoc("bulkEnrol", "Enrol many",
                "NDJSON in, NDJSON out: one answer a line, in order of completion, and a last line with `summary`. As a form, each file part is an item whose file name "
                + "`<identity>/<file>` names the identity; its operation id is made from the `Idempotency-Key` and the file name. Read answers while you send. "
                + "To resume, send what was not answered again with the same operation ids. An item is `failed` when sending it again can help, `rejected` when it cannot.",
                ProblemTypes.GalleryNotFound, ProblemTypes.ModelNotInstalled);

    private static async Task BulkAsync(
        string gallery, HttpContext context, RequestReader reader, BulkEnroller enroller, Catalogue catalogue, IOptions<GatewayOptions> options)
    {
        Check.Gallery(gallery);
        RequestReader.LimitBody(context, null);
        string type = RequestReader.MediaType(context)?.MediaType.Value?.ToLowerInvariant() ?? "";
        if (type is not (HttpApi.NdjsonMediaType or "application/jsonl" or "application/jsonlines" or "multipart/form-data"))
            throw ProblemException.Of(ProblemTypes.InvalidRequest, $"Send {HttpApi.NdjsonMediaType}, one item a line, or multipart/form-data.", 415);
        Fields fields = new(context.Request.Query);
        await catalogue.GalleryModelAsync(gallery);
        if (type == "multipart/form-data")
        {
            await FormAsync(gallery, context, reader, enroller, fields);
            return;
        }
        fields.RefuseUnknown();
        BulkRun run = enroller.Start(gallery, context);
        NdjsonReader lines = new(context.Request.BodyReader, options.Value.MaxBulkLineBytes);
        while (await lines.NextAsync(context.RequestAborted) is { } line)
        {
            if (line.Item is { } item)
                await run.AddAsync(item);
            else
                await run.RefuseAsync(null, line.Problem!);
        }
        await run.FinishAsync();
    }

    private static async Task FormAsync(string gallery, HttpContext context, RequestReader reader, BulkEnroller enroller, Fields fields)
    {
        FacePolicy faces = fields.Enum<FacePolicy>("faces") ?? FacePolicy.Reject;
        ConflictPolicy conflict = fields.Enum<ConflictPolicy>("onConflict") ?? ConflictPolicy.Report;
        fields.RefuseUnknown();
        string operation = OperationId.Of(context);
        MultipartReader multipart = RequestReader.OpenMultipart(context);
        BulkRun run = enroller.Start(gallery, context);
        Problem? fatal = null;
        try
        {
            while (await RequestReader.NextAsync(multipart, context.RequestAborted) is { } section)
            {
                if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out ContentDispositionHeaderValue? disposition) || !disposition.IsFileDisposition())
                    throw ProblemException.Invalid("A bulk form holds file parts only; 'faces' and 'onConflict' go into the query.");
                string name = HeaderUtilities.RemoveQuotes(disposition.FileNameStar.HasValue ? disposition.FileNameStar : disposition.FileName).Value ?? "";
                await AddFileAsync(run, reader, section, name, operation, faces, conflict, context.RequestAborted);
            }
        }
        catch (ProblemException e)
        {
            fatal = e.Problem;
        }
        await run.FinishAsync(fatal);
    }

    private static async Task AddFileAsync(BulkRun run, RequestReader reader, MultipartSection section, string name, string operation,
        FacePolicy faces, ConflictPolicy conflict, CancellationToken cancellation)
    {
        string id = ItemOperation(operation, name);
        int slash = name.LastIndexOf('/');
        string identity = slash < 0 ? "" : name[..slash];
        identity = identity[(identity.LastIndexOf('/') + 1)..];
        if (!Ids.IsIdentity(identity))
        {
            await run.RefuseAsync(id, ProblemFactory.Create(ProblemTypes.InvalidRequest, "The part's file name must be '<identity>/<file>' with a valid identity id."));
            return;
        }
        ReadOnlyMemory<byte> bytes;
        try
        {
            bytes = await reader.CappedAsync(section.Body, cancellation);
        }
        catch (ProblemException e) when (e.Problem.Slug == ProblemTypes.TooLarge)
        {
            await run.RefuseAsync(id, e.Problem);
            return;
        }
        await run.AddAsync(new BulkItem { OperationId = id, Identity = identity, Image = bytes.ToArray(), Faces = faces, OnConflict = conflict });
    }

    /// <summary>The same file of the same bulk operation has the same id, whatever its place in the form.</summary>
    private static string ItemOperation(string operation, string fileName)
    {
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(fileName)).AsSpan(0, 12));
        return string.Create(CultureInfo.InvariantCulture, $"{operation[..Math.Min(operation.Length, Ids.MaxOperation - 25)]}-{hash}");
    }
}
