using FaceSearch.Tests.Servers;
using Npgsql;

namespace FaceSearch.FaultBench.Servers;

/// <summary>The database of a cluster, on a PostgreSQL of its own with fsync; gone with it when disposed.</summary>
internal sealed class FaultDatabase : IAsyncDisposable
{
    /// <summary>Where silos in namespaces of their own come from.</summary>
    private const string Wires = "198.18.0.0/16";

    private readonly PostgresServer _server;
    private readonly string _connectionString;

    private FaultDatabase(PostgresServer server, string connectionString) => (_server, _connectionString) = (server, connectionString);

    /// <param name="folder">Of the server's files: made, and removed again.</param>
    /// <param name="address">Where it listens.</param>
    /// <param name="tables">Where the tables are if not in that folder.</param>
    public static async Task<FaultDatabase> StartAsync(string folder, string address, string? tables = null)
    {
        PostgresServer server = await PostgresServer.StartAsync(folder, address, Wires);
        return new FaultDatabase(server, tables is null ? await server.CreateDatabaseAsync() : await server.CreateDatabaseOnAsync(tables));
    }

    /// <summary>For a process that the audit of the logs knows by this name.</summary>
    public string ConnectionString(string name) => $"{_connectionString};Application Name={name}";

    /// <summary>Runs statements; the last value.</summary>
    public Task<object?> ExecuteAsync(string sql) => PostgresServer.ExecuteAsync(_connectionString, sql);

    /// <summary>All rows of a query.</summary>
    public async Task<List<T>> QueryAsync<T>(string sql, Func<NpgsqlDataReader, T> read)
    {
        await using NpgsqlConnection connection = new(_connectionString + ";Pooling=false");
        await connection.OpenAsync();
#pragma warning disable CA2100 // The harness's own statements.
        await using NpgsqlCommand command = new(sql, connection) { CommandTimeout = 0 };
#pragma warning restore CA2100
        await using NpgsqlDataReader r = await command.ExecuteReaderAsync();
        List<T> rows = [];
        while (await r.ReadAsync())
            rows.Add(read(r));
        return rows;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
