namespace FaceSearch.Storage.Azure;

/// <summary>What a program needs of a storage account.</summary>
public enum AzureServices
{
    BlobsAndTables,
    Tables,
}

/// <summary>Asks an account whether it answers and lets this program in.</summary>
public sealed class AzureStorageProbe
{
    private readonly AzureAccount _account;
    private readonly AzureServices _needed;

    /// <exception cref="ArgumentException">There is neither a connection string nor the endpoints.</exception>
    /// <exception cref="FormatException">The connection string is none.</exception>
    public AzureStorageProbe(AzureStorageOptions options, AzureServices needed)
    {
        (_account, _needed) = (new AzureAccount(options), needed);
        Uri tables = _account.Tables.Uri;
        Place = (needed == AzureServices.Tables ? tables : _account.Blobs.Uri).GetLeftPart(UriPartial.Path);
    }

    /// <summary>The account's address, without anything secret.</summary>
    public string Place { get; }

    /// <summary>One cheap request to each service, answered within <see cref="AzureStorageOptions.NetworkTimeout"/>.</summary>
    /// <exception cref="StorageUnavailableException">It does not answer, or refuses.</exception>
    public async Task CheckAsync(CancellationToken cancellationToken = default)
    {
        AzureStorageOptions options = _account.Options;
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.NetworkTimeout);
        try
        {
            if (_needed == AzureServices.BlobsAndTables)
                await _account.Blobs.GetBlobContainerClient(options.LogContainer).ExistsAsync(limit.Token).ConfigureAwait(false);
            string table = options.MembershipTable;
            await foreach (var _ in _account.Tables.QueryAsync(t => t.Name == table, maxPerPage: 1, limit.Token).ConfigureAwait(false))
                break;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && AzureErrors.IsService(e))
        {
            throw AzureErrors.Unavailable($"The storage account {Place}", e);
        }
    }
}
