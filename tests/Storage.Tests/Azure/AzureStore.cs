using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using FaceSearch.Storage.Azure;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Storage.Tests.Sqlite;
using FaceSearch.Tests.Servers;

namespace FaceSearch.Storage.Tests.Azure;

/// <summary>Containers of one test in Azurite, and the local folders of the processes that use them.</summary>
internal sealed class AzureStore : TemplateLogStore
{
    private readonly Azurite _azurite;
    private readonly string _name = Guid.NewGuid().ToString("n")[..12];
    private readonly List<LocalCache> _caches = [];

    private AzureStore(Azurite azurite) => _azurite = azurite;

    public TempFolder Folder { get; } = new();

    /// <summary>Made by hand, as an operator does.</summary>
    public string MasterKeyFile => Path.Combine(Folder.Path, "master.key");

    public static async ValueTask<AzureStore> CreateAsync(Azurite? server = null)
    {
        AzureStore store = new(server ?? await Azurite.GetAsync());
        await File.WriteAllBytesAsync(store.MasterKeyFile, System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));
        return store;
    }

    public Azurite Server => _azurite;

    public BlobServiceClient Blobs => new(_azurite.ConnectionString);

    public AzureStorageOptions Options(string? connectionString = null, int blocksPerSegment = 49_000, TimeSpan? networkTimeout = null, TimeSpan? patience = null, int templatesPerPart = 65_536, AzureGrainStore grains = AzureGrainStore.Blobs, string? cacheFolder = null) => new()
    {
        Grains = grains,
        ConnectionString = connectionString ?? _azurite.ConnectionString,
        LogContainer = $"logs-{_name}",
        SnapshotContainer = $"snapshots-{_name}",
        CropContainer = $"crops-{_name}",
        GrainContainer = $"grains-{_name}",
        GrainTable = $"grains{_name}",
        MembershipTable = $"silos{_name}",
        ReminderTable = $"reminders{_name}",
        CacheFolder = cacheFolder ?? Path.Combine(Folder.Path, "cache"),
        MasterKeyFile = MasterKeyFile,
        BlocksPerSegment = blocksPerSegment,
        TemplatesPerPart = templatesPerPart,
        NetworkTimeout = networkTimeout ?? TimeSpan.FromSeconds(10),
        Patience = patience ?? TimeSpan.FromSeconds(30),
    };

    public override ITemplateLogProvider Connect(TimeProvider time) => Connect(Options(), time);

    public AzureTemplateLogProvider Connect(AzureStorageOptions options, TimeProvider? time = null) => new(options, Cache(options), time ?? new FixedTime(Make.Day));

    /// <summary>A cache folder as another process would have.</summary>
    public LocalCache Cache(AzureStorageOptions options)
    {
        LocalCache cache = new(options.CacheFolder);
        _caches.Add(cache);
        return cache;
    }

    /// <summary>Everything the account gives back of the test's containers (also what it keeps of deleted blobs), and the local files.</summary>
    public async Task<List<(string Name, byte[] Bytes)>> BytesAsync(params string[] containers)
    {
        List<(string, byte[])> all = [];
        foreach (BlobContainerClient container in containers.Select(c => Blobs.GetBlobContainerClient(c)))
        {
            if (!await container.ExistsAsync())
                continue;
            await foreach (BlobItem item in container.GetBlobsAsync(BlobTraits.None, BlobStates.Snapshots | BlobStates.Uncommitted, null, TestContext.Current.CancellationToken))
            {
                BlobClient blob = container.GetBlobClient(item.Name);
                all.Add((item.Name, (await (item.Snapshot is null ? blob : blob.WithSnapshot(item.Snapshot)).DownloadContentAsync()).Value.Content.ToArray()));
            }
        }
        using TempFolder copy = new();
        Folder.CopyTo(copy.Path);
        all.AddRange(Directory.EnumerateFiles(copy.Path, "*", SearchOption.AllDirectories).Select(f => (f, File.ReadAllBytes(f))));
        return all;
    }

    /// <summary>All entities of a table.</summary>
    public async Task<List<TableEntity>> EntitiesAsync(string table)
    {
        List<TableEntity> all = [];
        await foreach (TableEntity entity in new TableClient(_azurite.ConnectionString, table).QueryAsync<TableEntity>((string?)null, null, null, TestContext.Current.CancellationToken))
            all.Add(entity);
        return all;
    }

    public override async ValueTask<bool?> HoldsAsync(ReadOnlyMemory<byte> needle) =>
        (await BytesAsync(Options().LogContainer, Options().GrainContainer)).Exists(b => b.Bytes.AsSpan().IndexOf(needle.Span) >= 0);

    public override ValueTask DisposeAsync()
    {
        _caches.ForEach(c => c.Dispose());
        Folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
