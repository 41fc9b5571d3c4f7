using System.Globalization;
using Azure;
using Azure.Data.Tables;
using Orleans.Runtime;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// Orleans grain state in an Azure table, laid out as by Microsoft.Orleans.Persistence.AzureStorage: table
/// <c>OrleansGrainState</c>, partition key <c>SERVICE_GRAIN</c>, row key the state's name, the bytes in the binary properties Data,
/// Data1, … Data14 of 64 KiB each. Clearing deletes the entity.
/// </summary>
/// <param name="options">The account.</param>
/// <param name="serviceId">The cluster's service id (<c>ClusterOptions.ServiceId</c>).</param>
/// <param name="serializer">What makes the bytes.</param>
/// <param name="activators">What makes new states.</param>
public sealed class AzureTableGrainStorage(AzureStorageOptions options, string serviceId, IGrainStorageSerializer serializer, IActivatorProvider activators) : IGrainStorage
{
    private const int ChunkLength = 64 * 1024, MaxChunks = 15;
    private readonly AzureAccount _account = new(options);
    private readonly SemaphoreSlim _first = new(1);
    private TableClient? _table;

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        TableEntity? found = await FindAsync(stateName, grainId).ConfigureAwait(false);
        byte[] content = found is null ? [] : Join(found);
        grainState.ETag = found?.ETag.ToString();
        grainState.RecordExists = content.Length > 0;
        grainState.State = content.Length > 0 ? serializer.Deserialize<T>(new BinaryData(content)) : activators.GetActivator<T>().Create();
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        ReadOnlyMemory<byte> content = serializer.Serialize(grainState.State).ToMemory();
        if (content.Length > ChunkLength * MaxChunks)
            throw new ArgumentException($"State '{stateName}' has {content.Length} bytes; an Azure table takes {ChunkLength * MaxChunks}. Use blobs.");
        TableEntity entity = new(Partition(grainId), Row(stateName));
        for (int i = 0; i * ChunkLength < content.Length; i++)
            entity[Property(i)] = content[(i * ChunkLength)..Math.Min(content.Length, (i + 1) * ChunkLength)].ToArray();
        TableClient table = await TableAsync().ConfigureAwait(false);
        grainState.ETag = await ChangeAsync(stateName, grainId, grainState.ETag, async () =>
        {
            Response response = string.IsNullOrEmpty(grainState.ETag)
                ? await table.AddEntityAsync(entity).ConfigureAwait(false)
                : await table.UpdateEntityAsync(entity, new ETag(grainState.ETag), TableUpdateMode.Replace).ConfigureAwait(false);
            return response.Headers.ETag?.ToString();
        }).ConfigureAwait(false);
        grainState.RecordExists = true;
    }

    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        TableClient table = await TableAsync().ConfigureAwait(false);
        if (!string.IsNullOrEmpty(grainState.ETag) || await FindAsync(stateName, grainId).ConfigureAwait(false) is not null)
        {
            if (string.IsNullOrEmpty(grainState.ETag))
                throw Inconsistent(stateName, grainId, null, null);
            await ChangeAsync(stateName, grainId, grainState.ETag, async () =>
            {
                Response response = await table.DeleteEntityAsync(Partition(grainId), Row(stateName), new ETag(grainState.ETag)).ConfigureAwait(false);
                return response.Status == 404 ? throw new RequestFailedException(response) : null;
            }).ConfigureAwait(false);
        }
        grainState.ETag = null;
        grainState.RecordExists = false;
        grainState.State = activators.GetActivator<T>().Create();
    }

    /// <summary>One conditional change. An unknown outcome is told as such: the grain reads its state again.</summary>
    private static async Task<string?> ChangeAsync(string stateName, GrainId grainId, string? expected, Func<Task<string?>> change)
    {
        try
        {
            return await change().ConfigureAwait(false);
        }
        catch (RequestFailedException e) when (TableKeys.IsContention(e))
        {
            throw Inconsistent(stateName, grainId, expected, e);
        }
        catch (Exception e) when (AzureErrors.IsUnknownOutcome(e))
        {
            // It may have been written: an exception of this kind makes Orleans end the activation, which then reads what there is.
            throw Inconsistent(stateName, grainId, expected, e);
        }
        catch (Exception e) when (AzureErrors.IsService(e))
        {
            throw AzureErrors.Unavailable("The grain storage", e);
        }
    }

    private async Task<TableEntity?> FindAsync(string stateName, GrainId grainId)
    {
        TableClient table = await TableAsync().ConfigureAwait(false);
        try
        {
            NullableResponse<TableEntity> found = await TableKeys.RetryAsync(_account, () => table.GetEntityIfExistsAsync<TableEntity>(Partition(grainId), Row(stateName))).ConfigureAwait(false);
            return found.HasValue ? found.Value : null;
        }
        catch (Exception e) when (AzureErrors.IsService(e))
        {
            throw AzureErrors.Unavailable("The grain storage", e);
        }
    }

    private async Task<TableClient> TableAsync()
    {
        if (_table is { } known)
            return known;
        await _first.WaitAsync().ConfigureAwait(false);
        try
        {
            return _table ??= await TableKeys.EnsureAsync(_account, options.GrainTable).ConfigureAwait(false);
        }
        catch (Exception e) when (AzureErrors.IsService(e))
        {
            throw AzureErrors.Unavailable("The grain storage", e);
        }
        finally
        {
            _first.Release();
        }
    }

    private static byte[] Join(TableEntity entity) =>
        [.. Enumerable.Range(0, MaxChunks).Select(i => entity.GetBinary(Property(i))).TakeWhile(chunk => chunk is not null).SelectMany(chunk => chunk!)];

    private string Partition(GrainId grainId) => TableKeys.Sanitise($"{serviceId}_{grainId}");

    private static string Row(string stateName) => TableKeys.Sanitise(stateName);

    private static string Property(int chunk) => chunk == 0 ? "Data" : "Data" + chunk.ToString(CultureInfo.InvariantCulture);

    private static InconsistentStateException Inconsistent(string stateName, GrainId grainId, string? expected, Exception? e) =>
        new($"State '{stateName}' of grain {grainId} was changed by another activation, or the outcome of a change is unknown.", "unknown", expected ?? "", e!);
}
