using FaceSearch.Storage;
using FaceSearch.Storage.Azure;

namespace FaceSearch.Silo.Hosting;

/// <summary>Azure storage accounts that the silo uses, each asked before anything else starts.</summary>
internal static class AzureHosting
{
    private const int KeyLength = 32;

    /// <summary>The account of the <c>Storage</c> section.</summary>
    /// <exception cref="ConfigurationException">A setting is missing or cannot be used; no value is repeated.</exception>
    public static AzureStorageOptions Storage(SiloOptions options, StorageOptions storage)
    {
        (string? connection, Uri? blobs, Uri? tables) = Place(storage);
        if (options.RetentionKeyFile is { } file && !(File.Exists(file) && new FileInfo(file).Length == KeyLength))
            throw new ConfigurationException($"Silo:RetentionKeyFile must name an existing file of {KeyLength} random bytes, the same for every silo. With Storage:Provider=Azure no silo makes one.");
        return new AzureStorageOptions
        {
            ConnectionString = connection,
            BlobEndpoint = blobs,
            TableEndpoint = tables,
            CacheFolder = storage.CacheFolder ?? Path.Combine(options.DataFolder, "cache"),
            MasterKeyFile = options.RetentionKeyFile,
        };
    }

    /// <summary>The account of the membership table: <c>Cluster:ConnectionString</c>, else the storage's. A gateway needs no more.</summary>
    /// <exception cref="ConfigurationException">A setting is missing; no value is repeated.</exception>
    public static AzureStorageOptions Cluster(StorageOptions storage, ClusterOptions cluster)
    {
        if (!string.IsNullOrWhiteSpace(cluster.ConnectionString))
            return new AzureStorageOptions { ConnectionString = cluster.ConnectionString };
        if (storage.Provider != StorageProvider.Azure)
            throw new ConfigurationException("Cluster:ConnectionString is missing: DefaultEndpointsProtocol=https;AccountName=...;AccountKey=...");
        (string? connection, Uri? blobs, Uri? tables) = Place(storage);
        return new AzureStorageOptions { ConnectionString = connection, BlobEndpoint = blobs, TableEndpoint = tables };
    }

    /// <summary>Asks the account at the start; the start fails if it cannot be used.</summary>
    /// <exception cref="ConfigurationException">The setting is no connection string.</exception>
    public static AzureStorageProbe Check(IServiceCollection services, AzureStorageOptions account, string setting, AzureServices needed)
    {
        AzureStorageProbe probe = Probe(account, setting, needed);
        // Before Orleans, whose providers make their tables when they start: hosted services start in the order of their registration.
        services.Insert(0, ServiceDescriptor.Singleton<IHostedService>(_ => new AccountCheck(probe, setting)));
        return probe;
    }

    /// <summary>What can ask the account.</summary>
    /// <exception cref="ConfigurationException">The setting is no connection string.</exception>
    public static AzureStorageProbe Probe(AzureStorageOptions account, string setting, AzureServices needed)
    {
        try
        {
            return new AzureStorageProbe(account, needed);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or InvalidOperationException)
        {
            throw new ConfigurationException($"{setting} is no connection string of an Azure storage account: DefaultEndpointsProtocol=https;AccountName=...;AccountKey=...");
        }
    }

    private static (string? Connection, Uri? Blobs, Uri? Tables) Place(StorageOptions storage)
    {
        string? connection = string.IsNullOrWhiteSpace(storage.ConnectionString) ? null : storage.ConnectionString;
        if (connection is null && (storage.BlobEndpoint is not { IsAbsoluteUri: true } || storage.TableEndpoint is not { IsAbsoluteUri: true }))
            throw new ConfigurationException("Storage:ConnectionString is missing, or Storage:BlobEndpoint and Storage:TableEndpoint (https://ACCOUNT.blob.core.windows.net, https://ACCOUNT.table.core.windows.net) for a managed identity.");
        return (connection, storage.BlobEndpoint, storage.TableEndpoint);
    }

    private sealed class AccountCheck(AzureStorageProbe probe, string setting) : IHostedService, IStorageCheck
    {
        public async Task StartAsync(CancellationToken cancellationToken)
        {
            try
            {
                await probe.CheckAsync(cancellationToken);
            }
            catch (StorageUnavailableException e)
            {
                throw new StorageUnavailableException($"{e.Message} ({setting})", null); // Short: what is inside is the SDK's stack.
            }
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
