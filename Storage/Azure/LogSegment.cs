using System.Globalization;
using Azure;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// The append blob that one epoch appends to. Each append is conditional on the blob's length and on the ETag that this epoch's last
/// change gave it; an opener with a higher epoch changes the ETag first, after which no append of this one is accepted. Not
/// thread-safe.
/// </summary>
internal sealed class LogSegment
{
    private const string EpochKey = "epoch";
    private readonly ShardId _shard;
    private readonly long _epoch;
    private readonly AppendBlobClient _once;
    private readonly BlobClient _reads;
    private readonly TimeSpan _patience;
    private readonly ILogger _logger;
    private ETag _etag;

    private LogSegment(ShardId shard, long epoch, AzureAccount account, string name, ILogger logger)
    {
        (_shard, _epoch, Name, _patience, _logger) = (shard, epoch, name, account.Options.Patience, logger);
        _once = account.Once.GetBlobContainerClient(account.Options.LogContainer).GetAppendBlobClient(name);
        _reads = account.Blobs.GetBlobContainerClient(account.Options.LogContainer).GetBlobClient(name);
        Chain = LogFrame.Beginning(name);
    }

    public string Name { get; }

    /// <summary>Bytes.</summary>
    public long Length { get; private set; }

    /// <summary>Blocks appended.</summary>
    public int Blocks { get; private set; }

    /// <summary>Hash of the last frame.</summary>
    public ulong Chain { get; set; }

    /// <summary>Makes an empty one; it is nobody's until a head names it.</summary>
    public static async Task<LogSegment> CreateAsync(ShardId shard, long epoch, AzureAccount account, Func<string> draw, ILogger logger)
    {
        Backoff backoff = new(account.Options.Patience);
        while (true)
        {
            var segment = new LogSegment(shard, epoch, account, draw(), logger);
            try
            {
                BlobContentInfo made = await segment._once.CreateAsync(new AppendBlobCreateOptions { Metadata = Stamp(epoch), Conditions = new() { IfNoneMatch = ETag.All } }).ConfigureAwait(false);
                segment._etag = made.ETag;
                return segment;
            }
            catch (Exception e) when (AzureErrors.IsUnknownOutcome(e) || AzureErrors.IsConflict(e) || AzureErrors.IsThrottled(e))
            {
                // A blob that was made all the same is empty and named by nobody; the next opening deletes it.
                if (!await backoff.WaitAsync().ConfigureAwait(false))
                    throw AzureErrors.Unavailable($"The log of shard {shard}", e);
            }
        }
    }

    /// <summary>Takes over a segment: raises its epoch, so that its ETag is one that no earlier opener has ever known.</summary>
    /// <exception cref="EpochFencedException">A higher epoch has it.</exception>
    public static async Task<LogSegment> TakeOverAsync(ShardId shard, long epoch, AzureAccount account, string name, ILogger logger)
    {
        var segment = new LogSegment(shard, epoch, account, name, logger);
        Backoff backoff = new(account.Options.Patience);
        while (true)
        {
            BlobProperties found = await segment._reads.GetPropertiesAsync().ConfigureAwait(false);
            long stamped = EpochOf(found.Metadata);
            if (stamped > epoch)
                throw new EpochFencedException(shard, epoch);
            (segment.Length, segment.Blocks, segment._etag) = (found.ContentLength, found.BlobCommittedBlockCount, found.ETag);
            if (stamped == epoch)
                return segment;
            try
            {
                BlobInfo stampedNow = await segment._once.SetMetadataAsync(Stamp(epoch), new BlobRequestConditions { IfMatch = found.ETag }).ConfigureAwait(false);
                segment._etag = stampedNow.ETag;
                return segment;
            }
            catch (Exception e) when (AzureErrors.IsUnknownOutcome(e) || AzureErrors.IsConflict(e) || AzureErrors.IsThrottled(e))
            {
                if (!await backoff.WaitAsync().ConfigureAwait(false))
                    throw AzureErrors.Unavailable($"The log of shard {shard}", e);
            }
        }
    }

    /// <summary>Appends one frame, once; returns when it is durable.</summary>
    /// <exception cref="EpochFencedException">Another epoch has the segment, or it was deleted; whether the frame came before that is for the other to see.</exception>
    /// <exception cref="StorageUnavailableException">The service refused it; nothing was or will be written.</exception>
    /// <exception cref="AppendUnresolvedException">It may or may not have been, or be yet, written.</exception>
    public async Task AppendAsync(LogFrame frame)
    {
        byte[] bytes = frame.Encode(Chain, out ulong hash);
        AppendBlobAppendBlockOptions options = new()
        {
            Conditions = new AppendBlobRequestConditions { IfMatch = _etag, IfAppendPositionEqual = Length },
            TransferValidation = new UploadTransferValidationOptions { ChecksumAlgorithm = StorageChecksumAlgorithm.MD5 },
        };
        Backoff backoff = new(_patience);
        bool inDoubt = false;
        while (true)
        {
            try
            {
                using MemoryStream stream = new(bytes, writable: false);
                BlobAppendInfo appended = await _once.AppendBlockAsync(stream, options).ConfigureAwait(false);
                Advance(bytes.Length, appended.ETag, hash);
                return;
            }
            catch (RequestFailedException e) when (AzureErrors.IsNotFound(e))
            {
                throw new EpochFencedException(_shard, _epoch);
            }
            catch (Exception e) when (AzureErrors.IsRefusal(e) && !inDoubt)
            {
                throw AzureErrors.Unavailable($"The log of shard {_shard}", e);
            }
#pragma warning disable CA1031 // Whatever it is: only the blob knows whether the frame is in it.
            catch (Exception e)
#pragma warning restore CA1031
            {
                inDoubt |= !AzureErrors.IsConflict(e) && !AzureErrors.IsThrottled(e);
                if (await ResolveAsync(e, bytes, hash).ConfigureAwait(false))
                    return;
                // Not there (yet). The attempts share their conditions: whichever is accepted makes the others impossible.
                if (!await backoff.WaitAsync().ConfigureAwait(false))
                    throw inDoubt ? new AppendUnresolvedException(e) : AzureErrors.Unavailable($"The log of shard {_shard}", e);
            }
        }
    }

    /// <summary>Checks that this epoch still has the segment.</summary>
    /// <exception cref="EpochFencedException">It has not.</exception>
    public async Task ConfirmAsync()
    {
        BlobProperties found = await PropertiesAsync().ConfigureAwait(false);
        if (found.ETag != _etag)
            throw Foreign(found);
    }

    /// <summary>Reads the blob: true if the frame is in it, at its place; false if the blob is as it was before.</summary>
    private async Task<bool> ResolveAsync(Exception cause, byte[] bytes, ulong hash)
    {
        try
        {
            BlobProperties found = await PropertiesAsync().ConfigureAwait(false);
            if (EpochOf(found.Metadata) != _epoch)
                throw Foreign(found);
            if (found.ContentLength == Length && found.ETag == _etag)
            {
                AzureLogs.Resolved(_logger, _shard, AzureErrors.Code(cause), "not there");
                return false;
            }
            if (found.ContentLength == Length + bytes.Length)
            {
                BlobDownloadResult there = await _reads.DownloadContentAsync(new BlobDownloadOptions
                {
                    Range = new HttpRange(Length, bytes.Length),
                    Conditions = new() { IfMatch = found.ETag },
                }).ConfigureAwait(false);
                if (there.Content.ToMemory().Span.SequenceEqual(bytes))
                {
                    AzureLogs.Resolved(_logger, _shard, AzureErrors.Code(cause), "there");
                    Advance(bytes.Length, found.ETag, hash);
                    return true;
                }
            }
            throw Foreign(found);
        }
        catch (Exception e) when (AzureErrors.IsService(e))
        {
            throw new AppendUnresolvedException(e); // It cannot be read either.
        }
    }

    private async Task<BlobProperties> PropertiesAsync()
    {
        try
        {
            return await _reads.GetPropertiesAsync().ConfigureAwait(false);
        }
        catch (RequestFailedException e) when (AzureErrors.IsNotFound(e))
        {
            throw new EpochFencedException(_shard, _epoch);
        }
    }

    private StorageException Foreign(BlobProperties found) => EpochOf(found.Metadata) > _epoch
        ? new EpochFencedException(_shard, _epoch)
        : new LogDamagedException(_shard, "its open segment was changed by something that is not its log");

    private void Advance(int bytes, ETag etag, ulong hash)
    {
        Length += bytes;
        Blocks++;
        (_etag, Chain) = (etag, hash);
    }

    private static Dictionary<string, string> Stamp(long epoch) => new() { [EpochKey] = epoch.ToString(CultureInfo.InvariantCulture) };

    private static long EpochOf(IDictionary<string, string> metadata) =>
        metadata.TryGetValue(EpochKey, out string? value) && long.TryParse(value, CultureInfo.InvariantCulture, out long epoch) ? epoch : 0;
}

/// <summary>A conditional write may or may not have been carried out, or be yet; the log must be opened again to know.</summary>
internal sealed class AppendUnresolvedException(Exception inner) : Exception("The outcome of a write is unknown.", inner);
