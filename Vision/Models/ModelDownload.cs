using System.Net;
using System.Security.Cryptography;

namespace FaceSearch.Vision;

/// <summary>Fetches a catalogue model from its upstream address.</summary>
internal static class ModelDownload
{
    /// <summary>The upstream file's bytes, verified.</summary>
    /// <exception cref="ModelException">It cannot be had, or is another file.</exception>
    public static async Task<byte[]> FetchAsync(
        ModelManifest manifest, string folder, HttpClient http, IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        byte[] bytes;
        try
        {
            bytes = await DownloadAsync(manifest.Source!, http, progress, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException && !cancellation.IsCancellationRequested)
        {
            throw new ModelException($"'{manifest.Source!.Url}' cannot be downloaded ({e.Message}). {HowToPlace(manifest, folder)}", e);
        }
        string digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        if (bytes.Length != manifest.Bytes || digest != manifest.Sha256)
            throw new ModelException($"'{manifest.Source!.Url}' is not the expected file: expected {manifest.Bytes:N0} bytes with SHA-256 {manifest.Sha256}, got {bytes.Length:N0} with {digest}. {HowToPlace(manifest, folder)}");
        return bytes;
    }

    /// <summary>What a person without a network does by hand.</summary>
    public static string HowToPlace(ModelManifest manifest, string folder) =>
        $"To install it by hand, fetch '{manifest.Source!.Path}' of {manifest.Source.Repository} at commit {manifest.Source.Commit} ({manifest.Bytes:N0} bytes, SHA-256 {manifest.Sha256}) and place it as '{Path.Combine(folder, manifest.File)}'; no manifest is needed.";

    private static async Task<byte[]> DownloadAsync(
        ModelSource source, HttpClient http, IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        using HttpResponseMessage response = await http.GetAsync(source.Url, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
            throw new HttpRequestException($"the server answered {(int)response.StatusCode}");
        await using Stream body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        // One byte more than expected is enough to know that it is another file.
        byte[] buffer = new byte[source.Bytes + 1];
        int received = 0;
        while (received < buffer.Length)
        {
            int read = await body.ReadAsync(buffer.AsMemory(received, Math.Min(buffer.Length - received, 1 << 16)), cancellation).ConfigureAwait(false);
            if (read == 0)
                break;
            received += read;
            progress?.Report(new PullProgress(received, source.Bytes));
        }
        return buffer[..received];
    }
}
