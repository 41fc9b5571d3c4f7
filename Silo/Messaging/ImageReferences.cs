using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace FaceSearch.Silo.Messaging;

/// <summary>A reference that the allow list does not cover, or that leads to no image. Its message never holds the reference.</summary>
internal sealed class ImageReferenceException(string reason, string message) : Exception(message)
{
    /// <summary>A stable code.</summary>
    public string Reason { get; } = reason;
}

/// <summary>The image could not be fetched this time.</summary>
internal sealed class ImageUnavailableException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>Reads images by reference: allow-listed files and HTTP origins, within limits. References may carry secrets, so none is logged.</summary>
internal sealed class ImageReferences : IDisposable
{
    private const int MaxReference = 4_096, MaxRedirects = 3;

    private readonly ImageSourceOptions _options;
    private readonly HashSet<ImageOrigin> _origins;
    private readonly IPNetwork[] _privateNetworks;
    private readonly ImageFiles _files;
    private readonly HttpMessageInvoker _http;

    public ImageReferences(IOptions<MessagingOptions> options)
    {
        _options = options.Value.Images;
        _origins = [.. _options.Origins.Select(o => ImageOrigin.TryParse(o)!.Value)];
        _privateNetworks = [.. _options.PrivateNetworks.Select(n => IPNetwork.Parse(n))];
        _files = new ImageFiles(_options);
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            PreAuthenticate = false,
            MaxResponseHeadersLength = 32,
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
            ActivityHeadersPropagator = null,
            ConnectCallback = ConnectAsync,
        });
    }

    /// <exception cref="ImageReferenceException">It can never be read.</exception>
    /// <exception cref="ImageUnavailableException">It cannot be read now.</exception>
    public async Task<ReadOnlyMemory<byte>> ReadAsync(string reference, CancellationToken cancellation)
    {
        if (reference.Length is 0 or > MaxReference || !Uri.TryCreate(reference, UriKind.Absolute, out Uri? address) || address.UserInfo.Length > 0)
            throw new ImageReferenceException("malformed", $"'image' must be an absolute file:, http: or https: address of up to {MaxReference} characters, without user or password.");
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_options.Timeout);
        try
        {
            return address.Scheme switch
            {
                "file" => await _files.ReadAsync(address, limit.Token),
                "http" or "https" => await FetchAsync(address, limit.Token),
                _ => throw new ImageReferenceException("scheme", "'image' must be a file:, http: or https: address."),
            };
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new ImageUnavailableException($"The image did not come within {_options.Timeout.TotalSeconds:0.#} s.", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            throw (e as HttpRequestException)?.InnerException is ImageReferenceException refused ? refused : new ImageUnavailableException("The image could not be read now.");
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<ReadOnlyMemory<byte>> FetchAsync(Uri address, CancellationToken cancellation)
    {
        for (int hop = 0; hop <= MaxRedirects; hop++)
        {
            if (!_origins.Contains(ImageOrigin.Of(address)) || address.UserInfo.Length > 0)
                throw new ImageReferenceException("not-allowed", hop == 0
                    ? "The origin of 'image' is not on the server's allow list (Messaging:Images:Origins)."
                    : "'image' redirects to an origin that is not on the server's allow list.");
            using HttpRequestMessage request = new(HttpMethod.Get, address) { Headers = { { "User-Agent", "FaceSearch" } } };
            using HttpResponseMessage response = await _http.SendAsync(request, cancellation);
            int status = (int)response.StatusCode;
            if (status is 301 or 302 or 303 or 307 or 308 && response.Headers.Location is { } next)
            {
                address = new Uri(address, next);
                continue;
            }
            return status switch
            {
                200 => await BodyAsync(response, cancellation),
                408 or 425 or 429 or >= 500 => throw new ImageUnavailableException($"The image's origin answered {status}."),
                _ => throw new ImageReferenceException("not-found", $"The image's origin answered {status}."),
            };
        }
        throw new ImageReferenceException("redirects", "'image' redirects too often.");
    }

    private async Task<ReadOnlyMemory<byte>> BodyAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        if (response.Content.Headers.ContentLength > _options.MaxBytes)
            throw TooLarge(_options.MaxBytes);
        await using Stream body = await response.Content.ReadAsStreamAsync(cancellation);
        using MemoryStream image = new((int)(response.Content.Headers.ContentLength ?? 64 << 10));
        byte[] block = new byte[64 << 10];
        for (int read; (read = await body.ReadAsync(block, cancellation)) > 0;)
        {
            if (image.Length + read > _options.MaxBytes)
                throw TooLarge(_options.MaxBytes);
            image.Write(block, 0, read);
        }
        return image.ToArray();
    }

    /// <summary>
    /// Connects to the very address that was checked: a name cannot resolve once for the check and again, elsewhere, for the connection.
    /// </summary>
    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        string host = context.DnsEndPoint.Host;
        bool literal = IPAddress.TryParse(host, out IPAddress? named);
        IPAddress[] addresses = literal ? [named!] : await Dns.GetHostAddressesAsync(host, cancellation);
        IPAddress[] allowed = literal ? addresses : [.. addresses.Where(a => !ImageOrigin.IsPrivate(a) || _privateNetworks.Any(n => n.Contains(a.IsIPv4MappedToIPv6 ? a.MapToIPv4() : a)))];
        if (allowed.Length == 0 && addresses.Length > 0)
            throw new ImageReferenceException("private-address", "The origin of 'image' resolves to a private address, which Messaging:Images:PrivateNetworks does not allow.");
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    internal static ImageReferenceException TooLarge(long limit) => new("too-large", $"The image is larger than {limit} bytes.");
}
