using FaceSearch.Storage.Postgres;
using FaceSearch.Tests.Servers;

[assembly: AssemblyFixture(typeof(FaceSearch.Storage.Tests.Postgres.SharedServer))]

namespace FaceSearch.Storage.Tests.Postgres;

/// <summary>One PostgreSQL for the suites of this assembly, started by the first that asks. Each suite has a database of its own.</summary>
public sealed class SharedServer : IAsyncDisposable
{
    private readonly Lazy<Task<PostgresServer>> _server = new(PostgresServer.StartAsync);

    /// <summary>An empty database.</summary>
    internal async Task<TestDatabase> CreateAsync(bool withSchema = true)
    {
        PostgresServer server = await _server.Value;
        TestDatabase made = new(server, await server.CreateDatabaseAsync());
        if (withSchema)
            await made.ApplyAsync();
        return made;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            await (await _server.Value).DisposeAsync();
    }
}

/// <summary>A database of a test, and the pools on it.</summary>
internal sealed class TestDatabase(PostgresServer server, string connectionString) : IAsyncDisposable
{
    private readonly List<PostgresDatabase> _pools = [];

    public PostgresServer Server { get; } = server;

    public string ConnectionString { get; } = connectionString;

    /// <summary>A pool of its own, as another process has.</summary>
    public PostgresDatabase Connect()
    {
        PostgresDatabase database = new(ConnectionString);
        _pools.Add(database);
        return database;
    }

    public async Task ApplyAsync() => (await new DatabaseSchema(Connect()).ApplyAsync()).Status.State.ShouldBe(SchemaState.Current);

    /// <summary>Whether a sequence of bytes is in any file of the database's tables and indexes.</summary>
    public async Task<bool> HoldsAsync(ReadOnlyMemory<byte> needle) =>
        (await Server.TableFilesAsync(ConnectionString)).Any(f => f.AsSpan().IndexOf(needle.Span) >= 0);

    public async ValueTask DisposeAsync()
    {
        foreach (PostgresDatabase pool in _pools)
            await pool.DisposeAsync();
    }
}
