using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Orleans.Runtime;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// Orleans grain state in block blobs, laid out as by Microsoft.Orleans.Persistence.AzureStorage: container <c>grainstate</c>, blob
/// <c>STATE-GRAIN.json</c>, ETag of the blob. Clearing deletes the blob.
/// </summary>
public sealed class AzureBlobGrainStorage(AzureStorageOptions options, IGrainStorageSerializer serializer, IActivatorProvider activators) : IGrainStorage
{
    private readonly AzureAccount _account = new(options);

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        (BinaryData Content, ETag ETag)? found = await FindAsync(stateName, grainId).ConfigureAwait(false);
        grainState.ETag = found?.ETag.ToString();
        grainState.RecordExists = found is not null;
        grainState.State = found is { Content: { } content } ? serializer.Deserialize<T>(content) : activators.GetActivator<T>().Create();
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        BinaryData content = serializer.Serialize(grainState.State);
        // The mark tells this write from another one of the same content, should its answer be lost.
        string mark = Guid.NewGuid().ToString("n");
        BlobUploadOptions upload = new()
        {
            HttpHeaders = new() { ContentType = "application/octet-stream" },
            Metadata = new Dictionary<string, string> { [Mark] = mark },
            Conditions = Conditions(grainState.ETag),
        };
        BlobClient blob = Blob(_account.Once, stateName, grainId);
        grainState.ETag = (await ChangeAsync(stateName, grainId, grainState.ETag, async () => (await blob.UploadAsync(content, upload).ConfigureAwait(false)).Value.ETag,
            async () => await PropertiesAsync(stateName, grainId).ConfigureAwait(false) is { } now && now.Metadata.TryGetValue(Mark, out string? stored) && stored == mark ? now.ETag : null).ConfigureAwait(false)).ToString();
        grainState.RecordExists = true;
    }

    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        BlobClient blob = Blob(_account.Once, stateName, grainId);
        bool exists = await PropertiesAsync(stateName, grainId).ConfigureAwait(false) is not null;
        if (exists || !string.IsNullOrEmpty(grainState.ETag))
        {
            await ChangeAsync(stateName, grainId, grainState.ETag, async () =>
            {
                await blob.DeleteAsync(DeleteSnapshotsOption.IncludeSnapshots, Conditions(grainState.ETag)).ConfigureAwait(false);
                return default;
            }, async () => await PropertiesAsync(stateName, grainId).ConfigureAwait(false) is null ? default(ETag) : null).ConfigureAwait(false);
        }
        grainState.ETag = null;
        grainState.RecordExists = false;
        grainState.State = activators.GetActivator<T>().Create();
    }

    private const string Mark = "write";

    /// <summary>Sends one conditional change; looks at the blob when the outcome is unknown.</summary>
    private async Task<ETag> ChangeAsync(string stateName, GrainId grainId, string? expected, Func<Task<ETag>> change, Func<Task<ETag?>> done)
    {
        Backoff backoff = new(options.Patience);
        bool inDoubt = false;
        while (true)
        {
            try
            {
                return await change().ConfigureAwait(false);
            }
            catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.ContainerNotFound)
            {
                if (!string.IsNullOrEmpty(expected))
                    throw Inconsistent(stateName, grainId, expected, e);
                await _account.EnsureContainerAsync(options.GrainContainer, CancellationToken.None).ConfigureAwait(false);
            }
            catch (RequestFailedException e) when (AzureErrors.IsConflict(e) || AzureErrors.IsNotFound(e))
            {
                if (inDoubt && await done().ConfigureAwait(false) is { } before)
                    return before;
                throw Inconsistent(stateName, grainId, expected, e);
            }
            catch (Exception e) when (AzureErrors.IsUnknownOutcome(e) || AzureErrors.IsThrottled(e))
            {
                inDoubt |= AzureErrors.IsUnknownOutcome(e);
                if (await done().ConfigureAwait(false) is { } already)
                    return already;
                if (!await backoff.WaitAsync().ConfigureAwait(false))
                    throw AzureErrors.Unavailable("The grain storage", e);
            }
            catch (Exception e) when (AzureErrors.IsRefusal(e))
            {
                throw AzureErrors.Unavailable("The grain storage", e);
            }
        }
    }

    private async Task<(BinaryData Content, ETag ETag)?> FindAsync(string stateName, GrainId grainId)
    {
        try
        {
            BlobDownloadResult read = await Blob(_account.Blobs, stateName, grainId).DownloadContentAsync().ConfigureAwait(false);
            return (read.Content, read.Details.ETag);
        }
        catch (RequestFailedException e) when (AzureErrors.IsNotFound(e))
        {
            return null;
        }
        catch (Exception e) when (AzureErrors.IsService(e))
        {
            throw AzureErrors.Unavailable("The grain storage", e);
        }
    }

    private async Task<BlobProperties?> PropertiesAsync(string stateName, GrainId grainId)
    {
        try
        {
            return await Blob(_account.Blobs, stateName, grainId).GetPropertiesAsync().ConfigureAwait(false);
        }
        catch (RequestFailedException e) when (AzureErrors.IsNotFound(e))
        {
            return null;
        }
        catch (Exception e) when (AzureErrors.IsService(e))
        {
            throw AzureErrors.Unavailable("The grain storage", e);
        }
    }

    private BlobClient Blob(BlobServiceClient service, string stateName, GrainId grainId) =>
        service.GetBlobContainerClient(options.GrainContainer).GetBlobClient($"{stateName}-{grainId}.json");

    private static BlobRequestConditions Conditions(string? etag) =>
        string.IsNullOrEmpty(etag) ? new() { IfNoneMatch = ETag.All } : new() { IfMatch = new ETag(etag) };

    private static InconsistentStateException Inconsistent(string stateName, GrainId grainId, string? expected, Exception e) =>
        new($"State '{stateName}' of grain {grainId} was changed by another activation.", "unknown", expected ?? "", e);
}
