using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace FaceSearch.Tests.Servers;

/// <summary>
/// A private PostgreSQL on a free port, from Debian's binaries, in a folder of its own: nothing of the machine's own server is touched. Gone with its
/// files when disposed. Tests and FaultBench share it; for tests there is a StartAsync that skips them where it is not installed.
/// </summary>
internal sealed partial class PostgresServer : IAsyncDisposable
{
    private const string Installed = "/usr/lib/postgresql", Loopback = "127.0.0.1";
    private static readonly string? Binaries = !Directory.Exists(Installed) ? null
        : Directory.GetDirectories(Installed).OrderBy(d => d, StringComparer.Ordinal).Select(d => Path.Combine(d, "bin")).LastOrDefault(d => File.Exists(Path.Combine(d, "initdb")));

    private readonly string _address;
    private int _databases;

    private PostgresServer(string folder, string address) => (Folder, _address) = (folder, address);

    /// <summary>Why there cannot be one here; null if there can.</summary>
    public static string? Missing => Binaries is null ? $"PostgreSQL is not installed ({Installed}/*/bin/initdb): apt-get install postgresql." : null;

    /// <summary>The password that must appear nowhere.</summary>
    public static string Password => "s3cret-Kj2w9";

    /// <summary>The data folder.</summary>
    public string Folder { get; }

    public int Port { get; private set; }

    private string Data => Path.Combine(Folder, "data");

    /// <summary>Starts a server.</summary>
    /// <param name="folder">Made, and removed again.</param>
    /// <param name="address">Where it listens.</param>
    /// <param name="network">A network that may connect besides loopback, such as 198.18.0.0/16.</param>
    public static async Task<PostgresServer> StartAsync(string folder, string address = Loopback, string? network = null)
    {
        PostgresServer server = new(folder, address);
        Directory.CreateDirectory(folder);
        string password = await server.PasswordFileAsync();
        // The server refuses to run as root: it runs as the user that Debian made for it.
        if (Environment.UserName == "root")
            await ToolAsync("chown", "postgres", folder);
        await RunAsync("initdb", "-D", server.Data, "-U", "facesearch", "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8", "--no-locale", "--no-sync", "--data-checksums");
        if (network is not null)
            await File.AppendAllTextAsync(Path.Combine(server.Data, "pg_hba.conf"), $"host all all {network} scram-sha-256\n");
        server.Port = FreePort();
        await server.StartAgainAsync();
        return server;
    }

    /// <summary>Starts it on the same data and waits until it accepts connections.</summary>
    public async Task StartAgainAsync()
    {
        string settings = string.Create(CultureInfo.InvariantCulture,
            $"-p {Port} -c listen_addresses={_address} -c unix_socket_directories= -c max_connections=300 -c shared_buffers=64MB -c max_wal_size=256MB");
        await RunAsync("pg_ctl", "-D", Data, "-w", "-t", "60", "-l", Path.Combine(Folder, "log"), "-o", settings, "start");
    }

    /// <summary>kill -9 of the postmaster: its children end when they notice, and nothing is flushed or written by it.</summary>
    public async Task KillAsync()
    {
        int postmaster = int.Parse(File.ReadLines(Path.Combine(Data, "postmaster.pid")).First(), CultureInfo.InvariantCulture);
        await ToolAsync("kill", "-9", postmaster.ToString(CultureInfo.InvariantCulture));
        // Its place is free when no child is left that still writes.
        Stopwatch waited = Stopwatch.StartNew();
        while (Directory.Exists($"/proc/{postmaster}") || Attached())
        {
            if (waited.Elapsed > TimeSpan.FromSeconds(30))
                throw new TimeoutException("Processes of a killed PostgreSQL live on.");
            await Task.Delay(20);
        }
    }

    /// <summary>Stops it at once, without a checkpoint.</summary>
    public Task StopAtOnceAsync() => RunAsync("pg_ctl", "-D", Data, "-w", "-m", "immediate", "stop");

    /// <summary>Makes an empty database and returns its connection string.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref _databases)}");
        await ExecuteAsync(ConnectionString("postgres"), $"CREATE DATABASE {name}");
        return ConnectionString(name);
    }

    /// <summary>Makes an empty database whose tables and indexes are in this folder, on a disk of its own perhaps; the write-ahead log is not.</summary>
    public async Task<string> CreateDatabaseOnAsync(string folder)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref _databases)}"), space = Path.Combine(folder, "tablespace");
        Directory.CreateDirectory(space);
        if (Environment.UserName == "root")
            await ToolAsync("chown", "postgres", space);
        await ExecuteAsync(ConnectionString("postgres"), $"CREATE TABLESPACE {name} LOCATION '{space}'");
        await ExecuteAsync(ConnectionString("postgres"), $"CREATE DATABASE {name} TABLESPACE {name}");
        return ConnectionString(name);
    }

    public string ConnectionString(string database) =>
        string.Create(CultureInfo.InvariantCulture, $"Host={_address};Port={Port};Username=facesearch;Password={Password};Database={database};Timeout=15");

    /// <summary>All bytes of a database's tables and indexes as they are on disk after a checkpoint; not the write-ahead log.</summary>
    public async Task<IReadOnlyList<byte[]>> TableFilesAsync(string connectionString)
    {
        object? oid = await ExecuteAsync(connectionString, "CHECKPOINT; SELECT oid FROM pg_database WHERE datname = current_database()");
        string folder = Path.Combine(Data, "base", Convert.ToString(oid, CultureInfo.InvariantCulture)!);
        List<byte[]> files = [];
        foreach (string file in Directory.GetFiles(folder))
        {
            try
            {
                files.Add(await File.ReadAllBytesAsync(file));
            }
            catch (FileNotFoundException)
            {
                // Dropped in this moment.
            }
        }
        return files;
    }

    /// <summary>Runs statements on a connection of its own; the last value.</summary>
    public static async Task<object?> ExecuteAsync(string connectionString, string sql)
    {
        await using NpgsqlConnection connection = new(connectionString + ";Pooling=false");
        await connection.OpenAsync();
#pragma warning disable CA2100 // Statements of tests and benchmarks.
        await using NpgsqlCommand command = new(sql, connection) { CommandTimeout = 0 };
#pragma warning restore CA2100
        return await command.ExecuteScalarAsync();
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await StopAtOnceAsync();
        }
        catch (InvalidOperationException)
        {
            // Killed, and not started again.
        }
        Directory.Delete(Folder, recursive: true);
    }

    private bool Attached() => Directory.GetDirectories("/proc").Any(p =>
    {
        try
        {
            return File.Exists(Path.Combine(p, "cwd", "PG_VERSION")) && Path.GetFullPath(new DirectoryInfo(Path.Combine(p, "cwd")).ResolveLinkTarget(true)!.FullName) == Data;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NullReferenceException)
        {
            return false;
        }
    });

    private async Task<string> PasswordFileAsync()
    {
        string file = Path.Combine(Folder, "password");
        await File.WriteAllTextAsync(file, Password);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        return file;
    }

    private static Task RunAsync(string program, params string[] arguments)
    {
        string path = Path.Combine(Binaries!, program);
        return Environment.UserName == "root" ? ToolAsync("runuser", ["-u", "postgres", "--", path, .. arguments]) : ToolAsync(path, arguments);
    }

    private static async Task ToolAsync(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { WorkingDirectory = "/", RedirectStandardInput = true };
        string output = Path.GetTempFileName();
        // A started server keeps the output of what started it open: a file, not a pipe.
        start.FileName = "/bin/sh";
        start.ArgumentList.Clear();
        foreach (string word in (string[])["-c", "exec \"$@\" >\"$0\" 2>&1", output, program, .. arguments])
            start.ArgumentList.Add(word);
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        string said = await File.ReadAllTextAsync(output);
        File.Delete(output);
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {arguments.FirstOrDefault()} ended with {process.ExitCode}: {said}");
    }

    private static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
