using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// The blob <see cref="LogManifest.BlobName"/> of one log, as last read or written. Writes are compare-and-set by ETag; what became of
/// a write without an answer is found out by reading it back. Not thread-safe.
/// </summary>
internal sealed class LogHeadBlob
{
    /// <summary>How often a log is read again whose blobs were replaced meanwhile.</summary>
    private const int MostReadings = 10;

    private readonly ShardId _shard;
    private readonly BlobClient _reads, _once;
    private readonly TimeSpan _patience;
    private ETag? _etag;

    public LogHeadBlob(ShardId shard, AzureAccount account, string prefix)
    {
        _shard = shard;
        _patience = account.Options.Patience;
        string container = account.Options.LogContainer;
        _reads = account.Blobs.GetBlobContainerClient(container).GetBlobClient(prefix + LogManifest.BlobName);
        _once = account.Once.GetBlobContainerClient(container).GetBlobClient(prefix + LogManifest.BlobName);
    }

    /// <summary>What is stored as far as this object knows; null if nothing.</summary>
    public LogManifest? Known { get; private set; }

    /// <summary>The version id of the last write: the service gives one where versioning is on.</summary>
    public string? WrittenVersion { get; private set; }

    /// <summary>What is stored now, without remembering it; null if nothing.</summary>
    public async Task<LogManifest?> PeekAsync(CancellationToken cancellationToken = default) => (await FetchAsync(cancellationToken).ConfigureAwait(false)).Manifest;

    /// <summary>
    /// Has the blobs read that are stored now, and again with a newer head if one of them was replaced meanwhile. Its owner is not fenced.
    /// </summary>
    /// <returns>What the reading gave; the default if there is no log.</returns>
    public async Task<T?> ReadPartsAsync<T>(Func<LogManifest, Task<T>> read, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            if (await PeekAsync(cancellationToken).ConfigureAwait(false) is not { } now)
                return default;
            try
            {
                return await read(now).ConfigureAwait(false);
            }
            catch (Exception e) when (AzureErrors.IsNotFound(e))
            {
                if ((await PeekAsync(cancellationToken).ConfigureAwait(false))?.Token == now.Token)
                    throw new LogDamagedException(_shard, "a part of its blobs is missing", e);
                if (attempt == MostReadings)
                    throw new StorageUnavailableException($"The blobs of shard {_shard} were replaced each time they were read.", e);
            }
        }
    }

    /// <summary>Reads and remembers.</summary>
    public async Task<LogManifest?> ReadAsync(CancellationToken cancellationToken = default)
    {
        (Known, _etag) = await FetchAsync(cancellationToken).ConfigureAwait(false);
        return Known;
    }

    /// <summary>Replaces what is known; false if something else is stored by now.</summary>
    /// <exception cref="AppendUnresolvedException">It may or may not have been, or be yet, replaced.</exception>
    /// <exception cref="StorageUnavailableException">The service refused it.</exception>
    public async Task<bool> TryReplaceAsync(LogManifest next)
    {
        next = next with { Token = LogManifest.Draw() };
        BinaryData content = new(next.Encode());
        BlobRequestConditions conditions = _etag is { } etag ? new() { IfMatch = etag } : new() { IfNoneMatch = ETag.All };
        Backoff backoff = new(_patience);
        bool inDoubt = false;
        while (true)
        {
            try
            {
                Response<BlobContentInfo> written = await _once.UploadAsync(content, new BlobUploadOptions { Conditions = conditions }).ConfigureAwait(false);
                WrittenVersion = written.Value.VersionId;
                (Known, _etag) = (next, written.Value.ETag);
                return true;
            }
            catch (Exception e) when (AzureErrors.IsUnknownOutcome(e) || AzureErrors.IsConflict(e) || AzureErrors.IsThrottled(e))
            {
                inDoubt |= AzureErrors.IsUnknownOutcome(e);
                // The attempt may have been carried out, or may be yet: both it and the next one have the same condition and content.
                (LogManifest? stored, ETag? at) = await FetchAsync(CancellationToken.None).ConfigureAwait(false);
                if (stored?.Token == next.Token)
                {
                    (Known, _etag) = (next, at);
                    return true;
                }
                if (at != _etag)
                    return false;
                if (!await backoff.WaitAsync().ConfigureAwait(false))
                    throw inDoubt ? new AppendUnresolvedException(e) : AzureErrors.Unavailable($"The log of shard {_shard}", e);
            }
        }
    }

    private async Task<(LogManifest? Manifest, ETag? ETag)> FetchAsync(CancellationToken cancellationToken)
    {
        try
        {
            BlobDownloadResult read = await _reads.DownloadContentAsync(cancellationToken).ConfigureAwait(false);
            LogManifest manifest = LogManifest.Decode(read.Content.ToMemory().Span) ?? throw new LogDamagedException(_shard, "its head blob");
            return manifest.Shard == _shard ? (manifest, read.Details.ETag) : throw new LogDamagedException(_shard, $"it belongs to shard {manifest.Shard}");
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return (null, null);
        }
    }
}

/// <summary>Waits longer and longer between attempts, until it has waited long enough.</summary>
internal sealed class Backoff(TimeSpan patience)
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);
    private readonly long _began = TimeProvider.System.GetTimestamp();
    private TimeSpan _next = TimeSpan.FromMilliseconds(10);

    /// <summary>False if there shall be no further attempt.</summary>
    public async Task<bool> WaitAsync()
    {
        if (TimeProvider.System.GetElapsedTime(_began) + _next > patience)
            return false;
        await Task.Delay(_next).ConfigureAwait(false);
        _next = _next * 2 < Longest ? _next * 2 : Longest;
        return true;
    }
}
