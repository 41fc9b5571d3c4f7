using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FaceSearch.Gateway.Problems;
using FaceSearch.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace FaceSearch.Gateway.Input;

/// <summary>An image as it was uploaded.</summary>
/// <param name="Part">Name of the form's part; <c>image</c> for a raw body.</param>
/// <param name="Bytes">The file.</param>
internal sealed record UploadedImage(string Part, ReadOnlyMemory<byte> Bytes);

/// <summary>A request in any of the forms that the API takes.</summary>
/// <param name="Json">The JSON body; null if the body came in another form.</param>
/// <param name="Images">The image parts, or the raw body.</param>
/// <param name="Fields">Query parameters and form fields.</param>
internal sealed record ApiInput<T>(T? Json, IReadOnlyList<UploadedImage> Images, Fields Fields) where T : class;

/// <summary>The one place where request bodies are read: multipart (streamed), raw image, or JSON; each within its limits.</summary>
internal sealed class RequestReader(IOptions<GatewayOptions> options)
{
    private const int MaxFields = 64, MaxFieldBytes = 64 << 10;

    private readonly GatewayOptions _options = options.Value;

    /// <summary>Reads a request that may carry images.</summary>
    /// <param name="context">The request.</param>
    /// <param name="type">What its JSON form looks like.</param>
    /// <param name="maxImages">More image parts than this are refused.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<ApiInput<T>> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type, int maxImages, CancellationToken cancellation) where T : class
    {
        // As base64 an image grows by a third.
        LimitBody(context, _options.MaxSmallRequestBytes + maxImages * (_options.Images.MaxBytes * 4 / 3));
        Fields fields = new(context.Request.Query);
        MediaTypeHeaderValue? media = MediaType(context);
        if (media is not null && IsJson(media))
            return new(await JsonAsync(context, type, cancellation), [], fields);
        if (media is not null && media.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
            return new(null, await FormAsync(context, fields, maxImages, cancellation), fields);
        if (media is not null && (media.Type.Equals("image", StringComparison.OrdinalIgnoreCase)
            || media.MediaType.Equals("application/octet-stream", StringComparison.OrdinalIgnoreCase)))
        {
            return new(null, [new("image", await CappedAsync(context.Request.Body, cancellation))], fields);
        }
        throw ProblemException.Of(ProblemTypes.InvalidRequest,
            "Send a form (multipart/form-data), an image (image/jpeg, image/png, ... or application/octet-stream), or JSON (application/json).", 415);
    }

    /// <summary>Reads a request that is JSON or nothing.</summary>
    public async Task<T> JsonOnlyAsync<T>(HttpContext context, JsonTypeInfo<T> type, CancellationToken cancellation) where T : class
    {
        LimitBody(context, _options.MaxSmallRequestBytes);
        if (MediaType(context) is not { } media || !IsJson(media))
            throw ProblemException.Of(ProblemTypes.InvalidRequest, "Send JSON (Content-Type: application/json).", 415);
        return await JsonAsync(context, type, cancellation);
    }

    /// <summary>The body's media type; null if absent or malformed.</summary>
    public static MediaTypeHeaderValue? MediaType(HttpContext context) =>
        MediaTypeHeaderValue.TryParse(context.Request.ContentType, out MediaTypeHeaderValue? media) ? media : null;

    /// <summary>Opens a multipart body for one part after another.</summary>
    public static MultipartReader OpenMultipart(HttpContext context)
    {
        string? boundary = MediaType(context) is { } media ? HeaderUtilities.RemoveQuotes(media.Boundary).Value : null;
        return boundary is { Length: > 0 and <= 200 }
            ? new MultipartReader(boundary, context.Request.Body) { HeadersCountLimit = 16, HeadersLengthLimit = 8 << 10 }
            : throw ProblemException.Invalid("The multipart body names no boundary in its Content-Type.");
    }

    /// <summary>The next part, or null at the end; a malformed body is a 400.</summary>
    public static async Task<MultipartSection?> NextAsync(MultipartReader reader, CancellationToken cancellation)
    {
        try
        {
            return await reader.ReadNextSectionAsync(cancellation);
        }
        catch (Exception e) when (e is InvalidDataException or IOException and not BadHttpRequestException)
        {
            throw ProblemException.Invalid("The multipart body is malformed or was cut off.");
        }
    }

    /// <summary>A whole image, or a too-large problem as soon as it passes the limit.</summary>
    public async Task<ReadOnlyMemory<byte>> CappedAsync(Stream stream, CancellationToken cancellation)
    {
        long max = _options.Images.MaxBytes;
        using MemoryStream bytes = new();
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(64 << 10);
        try
        {
            int read;
            while ((read = await stream.ReadAsync(buffer, cancellation)) > 0)
            {
                if (bytes.Length + read > max)
                    throw ProblemException.Of(ProblemTypes.TooLarge, $"An image may have up to {max:N0} bytes.");
                bytes.Write(buffer, 0, read);
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException and not BadHttpRequestException)
        {
            throw ProblemException.Invalid("The multipart body is malformed or was cut off.");
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
        return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
    }

    /// <summary>Sets the limit of this request's body; null lifts it.</summary>
    public static void LimitBody(HttpContext context, long? bytes)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
            feature.MaxRequestBodySize = bytes;
    }

    /// <summary>The text of a form field.</summary>
    public static async Task<string> FieldAsync(MultipartSection section, CancellationToken cancellation)
    {
        byte[] buffer = new byte[MaxFieldBytes + 1];
        int length = await section.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation);
        return length <= MaxFieldBytes
            ? Encoding.UTF8.GetString(buffer, 0, length)
            : throw ProblemException.Invalid($"A form field may have up to {MaxFieldBytes:N0} bytes.");
    }

    private async Task<IReadOnlyList<UploadedImage>> FormAsync(
        HttpContext context, Fields fields, int maxImages, CancellationToken cancellation)
    {
        List<UploadedImage> images = [];
        MultipartReader reader = OpenMultipart(context);
        int count = 0;
        while (await NextAsync(reader, cancellation) is { } section)
        {
            if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out ContentDispositionHeaderValue? disposition)
                || HeaderUtilities.RemoveQuotes(disposition.Name).Value is not { Length: > 0 } name)
                throw ProblemException.Invalid("Every part of the form needs a name.");
            if (disposition.IsFileDisposition())
            {
                if (images.Count == maxImages)
                    throw ProblemException.Invalid($"This endpoint takes up to {maxImages} image parts.");
                images.Add(new(name, await CappedAsync(section.Body, cancellation)));
            }
            else if (++count > MaxFields)
            {
                throw ProblemException.Invalid($"A form may have up to {MaxFields} fields.");
            }
            else
            {
                fields.Add(name, await FieldAsync(section, cancellation));
            }
        }
        return images;
    }

    private static async Task<T> JsonAsync<T>(HttpContext context, JsonTypeInfo<T> type, CancellationToken cancellation) where T : class =>
        await JsonSerializer.DeserializeAsync(context.Request.BodyReader, type, cancellation)
            ?? throw ProblemException.Invalid("The JSON body is null.");

    private static bool IsJson(MediaTypeHeaderValue media) =>
        media.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
        || (media.Suffix.HasValue && media.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase));
}
