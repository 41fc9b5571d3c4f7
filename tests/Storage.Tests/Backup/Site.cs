using FaceSearch.Storage.Azure;
using FaceSearch.Storage.Backup;
using FaceSearch.Storage.Crops;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Postgres;
using FaceSearch.Storage.Sqlite;
using FaceSearch.Storage.Tests.Azure;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Storage.Tests.Postgres;
using FaceSearch.Storage.Tests.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Serialization.Activators;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace FaceSearch.Storage.Tests.Backup;

/// <summary>All stores of one server, stopped.</summary>
internal abstract class Site : IAsyncDisposable
{
    public static readonly GrainType Gallery = GrainType.Create("gallery");

    public TempFolder Folder { get; } = new();

    public ITemplateLogProvider Logs { get; protected init; } = null!;

    public ICropStore Images { get; protected init; } = null!;

    public IGrainStorage Grains { get; protected init; } = null!;

    public IGrainStateList GrainStates { get; protected init; } = null!;

    /// <summary>What the grain states are taken to say.</summary>
    public TestFrame Frame { get; private set; } = null!;

    public BackupStores Stores => new(Logs, Images, Grains, GrainStates, new Dictionary<string, GrainType> { ["gallery"] = Gallery }, Frame ??= new TestFrame(Grains),
        Path.Combine(Folder.Path, "models"));

    public virtual async ValueTask DisposeAsync()
    {
        (Grains as IDisposable)?.Dispose();
        if (Images is IAsyncDisposable images)
            await images.DisposeAsync();
        Folder.Dispose();
    }
}

internal sealed class SqliteSite : Site
{
    public SqliteSite(byte[]? masterKey = null)
    {
        DataFolder data = new(Folder.Path);
        string keyFile = Path.Combine(Folder.Path, "master.key");
        if (masterKey is not null)
            File.WriteAllBytes(keyFile, masterKey);
        Logs = new SqliteTemplateLogProvider(data, new FixedTime(Make.Day));
        Images = new SqliteCropStore(data, keyFile);
        Grains = new SqliteGrainStorage(data, new RawOnly(), new Fresh());
        GrainStates = (IGrainStateList)Grains;
    }
}

internal sealed class PostgresSite : Site
{
    private readonly TestDatabase _database;

    private PostgresSite(TestDatabase database, byte[]? masterKey)
    {
        _database = database;
        string keyFile = Path.Combine(Folder.Path, "master.key");
        if (masterKey is not null)
            File.WriteAllBytes(keyFile, masterKey);
        PostgresDatabase pool = database.Connect();
        Logs = new PostgresTemplateLogProvider(pool, new FixedTime(Make.Day));
        Images = new PostgresCropStore(pool, keyFile);
        GrainStates = new PostgresGrainStates(pool, "facesearch");
        PostgresGrainStorage storage = new(new AdoNetGrainStorage(new Fresh(), NullLogger<AdoNetGrainStorage>.Instance, Options.Create(new AdoNetGrainStorageOptions
        {
            Invariant = PostgresStorage.Invariant,
            DataSource = pool.Source,
            DeleteStateOnClear = true,
            GrainStorageSerializer = new RawOnly(),
        }), Options.Create(new ClusterOptions { ServiceId = "facesearch", ClusterId = "facesearch" }), "Default"));
        Lifecycle lifecycle = new();
        storage.Participate(lifecycle);
        lifecycle.Start!(CancellationToken.None).GetAwaiter().GetResult();
        Grains = storage;
    }

    /// <summary>Does something to the database behind the stores' backs.</summary>
    public Task<object?> ExecuteAsync(string sql) => FaceSearch.Tests.Servers.PostgresServer.ExecuteAsync(_database.ConnectionString, sql);

    public static async Task<PostgresSite> CreateAsync(SharedServer server, byte[]? masterKey = null) => new(await server.CreateAsync(), masterKey);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _database.DisposeAsync();
    }

    private sealed class Lifecycle : ISiloLifecycle
    {
        public Func<CancellationToken, Task>? Start { get; private set; }

        public int HighestCompletedStage => 0;

        public int LowestStoppedStage => 0;

        public IDisposable Subscribe(string observerName, int stage, ILifecycleObserver observer)
        {
            Start = observer.OnStart;
            return new MemoryStream();
        }
    }
}

/// <summary>Galleries of tests: their states are bytes without a meaning, and what belongs to them is said here.</summary>
internal sealed class TestFrame(IGrainStorage grains) : IBackupFrame
{
    private readonly GrainStateCopy _states = new(grains);

    /// <summary>Generation and number of shards by gallery; one that is not here is not in service.</summary>
    public Dictionary<string, (int Generation, int Shards)> Galleries { get; } = new() { ["people"] = (1, 2), ["abc"] = (3, 1), ["2024"] = (1, 1) };

    /// <summary>Happens before a gallery is looked at for the n-th time, beginning with 1.</summary>
    public Func<string, int, Task> Looked { get; set; } = (_, _) => Task.CompletedTask;

    private readonly Dictionary<string, int> _looks = [];

    public Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<string>>([.. Galleries.Keys.Order(StringComparer.Ordinal)]);

    public async Task<GalleryShape?> ReadAsync(string gallery, CancellationToken cancellationToken)
    {
        await Looked(gallery, _looks[gallery] = _looks.GetValueOrDefault(gallery) + 1);
        if (!Galleries.TryGetValue(gallery, out (int Generation, int Shards) shape))
            return null;
        GrainStateName name = new("gallery", GrainId.Create(Site.Gallery, gallery));
        SavedState[] states = await _states.ReadAsync(name) is { } bytes ? [new(name, bytes)] : [];
        return new GalleryShape(gallery, Make.Day, shape.Generation, shape.Shards, states);
    }

    public Task<IReadOnlyList<SavedState>> RestAsync(IReadOnlyCollection<string> galleries, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<SavedState>>([]);
}

/// <summary>Nothing but raw states is asked for here; the end-to-end test has the silo's own serializer.</summary>
internal sealed class RawOnly : IGrainStorageSerializer
{
    private readonly RawGrainStateSerializer _raw = new(new None());

    public BinaryData Serialize<T>(T? input) => _raw.Serialize(input);

    public T? Deserialize<T>(BinaryData input) => _raw.Deserialize<T>(input);

    private sealed class None : IGrainStorageSerializer
    {
        public BinaryData Serialize<T>(T? input) => throw new NotSupportedException();

        public T Deserialize<T>(BinaryData input) => throw new NotSupportedException();
    }
}

internal sealed class Fresh : IActivatorProvider
{
    public IActivator<T> GetActivator<T>() => new Activator<T>();

    private sealed class Activator<T> : IActivator<T>
    {
        public T Create() => System.Activator.CreateInstance<T>();
    }
}

/// <summary>An account of its own, as silos have it.</summary>
internal sealed class AzureSite : Site
{
    private readonly AzureStore _store;
    private readonly IHost _silo;

    private AzureSite(AzureStore store, byte[]? masterKey)
    {
        _store = store;
        if (masterKey is not null)
            File.WriteAllBytes(store.MasterKeyFile, masterKey);
        AzureStorageOptions options = store.Options(templatesPerPart: 500);
        _silo = AzureHosts.Silo(options, more: s => s.Services.AddSingleton<IGrainStorageSerializer>(new RawOnly()).AddSingleton<IActivatorProvider>(new Fresh()));
        Logs = store.Connect(options);
        Images = new AzureCropStore(options);
        Grains = _silo.Services.GetRequiredKeyedService<IGrainStorage>("Default");
        GrainStates = _silo.Services.GetRequiredService<IGrainStateList>();
        SiloLifecycle.Start(Grains);
    }

    public static async Task<AzureSite> CreateAsync(byte[]? masterKey = null) => new(await AzureStore.CreateAsync(), masterKey);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _silo.Dispose();
        await _store.DisposeAsync();
    }
}
