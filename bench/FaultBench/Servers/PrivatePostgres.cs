using System.Globalization;
using Npgsql;

namespace FaceSearch.FaultBench.Servers;

/// <summary>A PostgreSQL of its own, with fsync, from Debian's binaries; gone with its files when disposed.</summary>
internal sealed class PrivatePostgres : IAsyncDisposable
{
    private const string Installed = "/usr/lib/postgresql", User = "facesearch", Secret = "fault-bench-9f2", Database = "facesearch";

    private readonly string _folder;
    private readonly string _address;
    private readonly int _port = ServerNode.FreePort();

    private PrivatePostgres(string folder, string address) => (_folder, _address) = (folder, address);

    private static string? Binaries => !Directory.Exists(Installed) ? null
        : Directory.GetDirectories(Installed).Order(StringComparer.Ordinal).Select(d => Path.Combine(d, "bin")).LastOrDefault(d => File.Exists(Path.Combine(d, "initdb")));

    /// <summary>Why there cannot be one here; null if there can.</summary>
    public static string? Missing => Binaries is null ? "PostgreSQL is not installed: apt-get install postgresql" : null;

    private string Data => Path.Combine(_folder, "data");

    /// <param name="folder">Made, and removed again.</param>
    /// <param name="address">Where it listens besides loopback; silos in namespaces of their own come from 198.18.0.0/16.</param>
    public static async Task<PrivatePostgres> StartAsync(string folder, string address)
    {
        PrivatePostgres server = new(folder, address);
        Directory.CreateDirectory(folder);
        string password = Path.Combine(folder, "password");
        await File.WriteAllTextAsync(password, Secret);
        if (Environment.UserName == "root")
            await Tool.RunAsync("chown", "-R", "postgres", folder);
        await RunAsync("initdb", "-D", server.Data, "-U", User, "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8", "--no-locale", "--data-checksums");
        await File.AppendAllTextAsync(Path.Combine(server.Data, "pg_hba.conf"), "host all all 198.18.0.0/16 scram-sha-256\n");
        string settings = string.Create(CultureInfo.InvariantCulture,
            $"-p {server._port} -c listen_addresses={address} -c unix_socket_directories= -c max_connections=300 -c shared_buffers=64MB");
        await RunAsync("pg_ctl", "-D", server.Data, "-w", "-t", "60", "-l", Path.Combine(folder, "log"), "-o", settings, "start");
        await server.ExecuteAsync($"CREATE DATABASE {Database}", "postgres");
        return server;
    }

    /// <summary>For a process that the audit of the logs knows by this name.</summary>
    public string ConnectionString(string name) => For(Database) + $";Application Name={name}";

    /// <summary>Runs statements; the last value.</summary>
    public async Task<object?> ExecuteAsync(string sql, string database = Database)
    {
        await using NpgsqlConnection connection = new(For(database) + ";Pooling=false");
        await connection.OpenAsync();
#pragma warning disable CA2100 // The harness's own statements.
        await using NpgsqlCommand command = new(sql, connection) { CommandTimeout = 0 };
#pragma warning restore CA2100
        return await command.ExecuteScalarAsync();
    }

    /// <summary>All rows of a query.</summary>
    public async Task<List<T>> QueryAsync<T>(string sql, Func<NpgsqlDataReader, T> read)
    {
        await using NpgsqlConnection connection = new(For(Database) + ";Pooling=false");
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

    public async ValueTask DisposeAsync()
    {
        await RunAsync("pg_ctl", "-D", Data, "-w", "-m", "immediate", "stop");
        Directory.Delete(_folder, recursive: true);
    }

    private string For(string database) =>
        string.Create(CultureInfo.InvariantCulture, $"Host={_address};Port={_port};Username={User};Password={Secret};Database={database};Timeout=15");

    private static Task RunAsync(string program, params string[] arguments)
    {
        string path = Path.Combine(Binaries!, program);
        return Environment.UserName == "root" ? Tool.RunAsync("runuser", ["-u", "postgres", "--", path, .. arguments]) : Tool.RunAsync(path, arguments);
    }
}
