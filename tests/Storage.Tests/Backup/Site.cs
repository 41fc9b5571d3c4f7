using FaceSearch.Storage.Backup;
using FaceSearch.Storage.Crops;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Postgres;
using FaceSearch.Storage.Sqlite;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Storage.Tests.Postgres;
using FaceSearch.Storage.Tests.Sqlite;
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

    public BackupStores Stores => new(Logs, Images, Grains, GrainStates,
        new(new Dictionary<string, GrainType> { ["gallery"] = Gallery }, ["people", "abc", "2024"]), Path.Combine(Folder.Path, "models"));

    public virtual async ValueTask DisposeAsync()
    {
        (Grains as IDisposable)?.Dispose();
        await ((IAsyncDisposable)Images).DisposeAsync();
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
        AdoNetGrainStorage storage = new(new Fresh(), NullLogger<AdoNetGrainStorage>.Instance, Options.Create(new AdoNetGrainStorageOptions
        {
            Invariant = PostgresStorage.Invariant,
            DataSource = pool.Source,
            DeleteStateOnClear = true,
            GrainStorageSerializer = new RawOnly(),
        }), Options.Create(new ClusterOptions { ServiceId = "facesearch", ClusterId = "facesearch" }), "Default");
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
