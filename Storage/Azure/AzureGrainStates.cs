using FaceSearch.Storage.Backup;
using Orleans.Runtime;

namespace FaceSearch.Storage.Azure;

/// <summary>Lists what Orleans' provider keeps in blobs: <c>STATE-GRAIN.json</c>.</summary>
public sealed class AzureGrainStates(AzureStorageOptions options) : IGrainStateList
{
    private const string Extension = ".json";
    private readonly AzureAccount _account = new(options);

    public async Task<IReadOnlyList<GrainStateName>> ListAsync(IReadOnlyDictionary<string, GrainType> types, CancellationToken cancellationToken = default)
    {
        if (options.Grains != AzureGrainStore.Blobs)
            throw new BackupRefusedException("Grain states in Azure tables cannot be backed up or restored; keep them in blobs.");
        try
        {
            var container = _account.Blobs.GetBlobContainerClient(options.GrainContainer);
            return await container.ExistsAsync(cancellationToken).ConfigureAwait(false)
                ? [.. (await LogParts.ListAsync(container, "", cancellationToken).ConfigureAwait(false)).Select(name => Parse(name, types))]
                : [];
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && AzureErrors.IsService(e))
        {
            throw AzureErrors.Unavailable("The grain states", e);
        }
    }

    private static GrainStateName Parse(string name, IReadOnlyDictionary<string, GrainType> types)
    {
        int end = name.IndexOf('-', StringComparison.Ordinal);
        return end > 0 && name.EndsWith(Extension, StringComparison.Ordinal) && types.ContainsKey(name[..end]) && GrainId.TryParse(name[(end + 1)..^Extension.Length], out GrainId grain)
            ? new(name[..end], grain)
            : throw new BackupRefusedException("The grain storage holds a state that no grain of this program keeps.");
    }
}
