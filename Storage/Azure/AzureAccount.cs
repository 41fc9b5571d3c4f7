using Azure;
using Azure.Core;
using Azure.Data.Tables;
using Azure.Identity;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Storage.Azure;

/// <summary>Clients of one account. Conditional writes go through <see cref="Once"/>, whose SDK never repeats a request by itself.</summary>
internal sealed class AzureAccount
{
    private const int Retries = 4;
    private readonly AzureStorageOptions _options;
    private readonly Lazy<BlobServiceClient> _blobs, _once;
    private readonly Lazy<TableServiceClient> _tables;
    private readonly Lazy<TokenCredential> _credential;

    public AzureAccount(AzureStorageOptions options)
    {
        _options = options;
        _credential = new(() => options.Credential ?? new DefaultAzureCredential());
        _blobs = new(() => Blob(Retries));
        _once = new(() => Blob(retries: 0));
        _tables = new(Table);
    }

    /// <summary>For reads and for writes that may be repeated: the SDK tries again.</summary>
    public BlobServiceClient Blobs => _blobs.Value;

    /// <summary>One request a call: what became of a failed one is for the caller to find out.</summary>
    public BlobServiceClient Once => _once.Value;

    /// <summary>For Orleans' providers, which repeat nothing: after a lost answer the SDK's repetition fails its condition, and they read again.</summary>
    public TableServiceClient Tables => _tables.Value;

    public AzureStorageOptions Options => _options;

    /// <summary>Makes a container at need.</summary>
    public async Task EnsureContainerAsync(string container, CancellationToken cancellationToken)
    {
        BlobContainerClient client = Blobs.GetBlobContainerClient(container);
        if (!await client.ExistsAsync(cancellationToken).ConfigureAwait(false))
            await client.CreateIfNotExistsAsync(PublicAccessType.None, cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Looks whether the account keeps what is deleted: soft delete in the service's properties, versioning in the answer to a
    /// write (<paramref name="writtenVersion"/>).
    /// </summary>
    /// <returns>What is wrong; null if nothing, or if it cannot be seen (which is logged).</returns>
    public async Task<string?> RetainedDeletesAsync(string? writtenVersion, ILogger logger, CancellationToken cancellationToken)
    {
        if (!string.IsNullOrEmpty(writtenVersion))
            return "blob versioning is switched on";
        try
        {
            BlobServiceProperties properties = await Blobs.GetPropertiesAsync(cancellationToken).ConfigureAwait(false);
            return properties.DeleteRetentionPolicy?.Enabled == true ? $"soft delete of blobs is switched on ({properties.DeleteRetentionPolicy.Days} days)" : null;
        }
        catch (RequestFailedException e) when (e.Status is 401 or 403 or 404 or 501)
        {
            AzureLogs.RetentionUnknown(logger, e.ErrorCode ?? e.Status.ToString(System.Globalization.CultureInfo.InvariantCulture));
            return null;
        }
    }

    private BlobServiceClient Blob(int retries)
    {
        BlobClientOptions options = new();
        Configure(options, retries);
        return _options.ConnectionString is { } secret
            ? new BlobServiceClient(secret, options)
            : new BlobServiceClient(Required(_options.BlobEndpoint, nameof(AzureStorageOptions.BlobEndpoint)), _credential.Value, options);
    }

    private TableServiceClient Table()
    {
        TableClientOptions options = new();
        Configure(options, Retries);
        return _options.ConnectionString is { } secret
            ? new TableServiceClient(secret, options)
            : new TableServiceClient(Required(_options.TableEndpoint, nameof(AzureStorageOptions.TableEndpoint)), _credential.Value, options);
    }

    private void Configure(ClientOptions options, int retries)
    {
        options.Retry.MaxRetries = retries;
        options.Retry.Mode = RetryMode.Exponential;
        options.Retry.Delay = TimeSpan.FromMilliseconds(50);
        options.Retry.MaxDelay = TimeSpan.FromSeconds(2);
        options.Retry.NetworkTimeout = _options.NetworkTimeout;
        options.Diagnostics.IsLoggingContentEnabled = false;
    }

    private static Uri Required(Uri? endpoint, string name) =>
        endpoint ?? throw new ArgumentException($"Azure storage needs a connection string or {name}.");
}

internal static partial class AzureLogs
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Whether the storage account keeps deleted blobs cannot be seen with these rights ({Code}). Soft delete and versioning must be off, or erasures erase nothing.")]
    public static partial void RetentionUnknown(ILogger logger, string code);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Erasures are not complete in this storage account: {What}.")]
    public static partial void RetentionOn(ILogger logger, string what);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Unused blobs of the log of shard {Shard} could not be deleted now ({Code}); the next opening or scrub deletes them.")]
    public static partial void NotDeleted(ILogger logger, ShardId shard, string code);

    [LoggerMessage(Level = LogLevel.Information, Message = "The outcome of an append to the log of shard {Shard} was unknown ({Code}); the blob says: {Outcome}.")]
    public static partial void Resolved(ILogger logger, ShardId shard, string code, string outcome);
}
