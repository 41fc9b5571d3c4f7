using System.Diagnostics;
using System.Security.Cryptography;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Storage;
using FaceSearch.Storage.Azure;
using FaceSearch.Storage.Crops;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Postgres;
using FaceSearch.Tests.Servers;

namespace FaceSearch.EndToEnd.Tests.Backups;

/// <summary>An empty store of one provider, with a server on it that is not started yet.</summary>
internal sealed class StorePlace : IAsyncDisposable
{
    private readonly string _provider;
    private readonly string? _connectionString;
    private readonly IAsyncDisposable? _store;

    private StorePlace(string provider, string? connectionString, IAsyncDisposable? store, Keys keys, string[] more)
    {
        (_provider, _connectionString, _store) = (provider, connectionString, store);
        Storage = connectionString is null ? [] : [$"--Storage:Provider={provider}", $"--Storage:ConnectionString={connectionString}"];
        Keys = keys;
        Server = ServerProcess.Create(null, [.. Storage, $"--Silo:RetentionKeyFile={keys.Retention}", .. more]);
    }

    public Keys Keys { get; }

    public ServerProcess Server { get; }

    /// <summary>Settings of the store.</summary>
    public string[] Storage { get; }

    public static async Task<StorePlace> CreateAsync(string provider, Keys keys, params string[] more)
    {
        switch (provider)
        {
            case "Postgres":
                PostgresServer postgres = await PostgresServer.StartAsync();
                StorePlace place = new(provider, await postgres.CreateDatabaseAsync(), postgres, keys, more);
                (int code, string output) = await SiloAsync("database", "apply", place.Storage[1]);
                code.ShouldBe(0, output);
                return place;
            case "Azure":
                Azurite azurite = await Azurite.StartOwnAsync();
                return new(provider, azurite.ConnectionString, azurite, keys, more);
            default:
                return new(provider, null, null, keys, more);
        }
    }

    /// <summary>Runs <c>Silo restore</c> into the store.</summary>
    public Task<(int Code, string Output)> RestoreAsync(string folder) => SiloAsync(
        ["restore", $"--from={folder}", $"--key-file={Keys.Backup}", .. Storage, $"--Silo:DataFolder={Server.DataFolder}", $"--Silo:RetentionKeyFile={Keys.Retention}"]);

    /// <summary>Runs the silo's program with a command; exit code and what it said.</summary>
    public static async Task<(int Code, string Output)> SiloAsync(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [Repository.Assembly("Silo"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync() + await error;
        await process.WaitForExitAsync();
        return (process.ExitCode, output);
    }

    /// <summary>The images of templates, as the store gives them out when no server runs on it.</summary>
    public async Task<RetainedImages> ImagesAsync(string gallery, IReadOnlyList<TemplateId> templates)
    {
        await using PostgresDatabase? database = _provider == "Postgres" ? new PostgresDatabase(_connectionString!) : null;
        ICropStore store = _provider switch
        {
            "Postgres" => new PostgresCropStore(database!, Keys.Retention),
            "Azure" => new AzureCropStore(new AzureStorageOptions { ConnectionString = _connectionString, MasterKeyFile = Keys.Retention }),
            _ => new SqliteCropStore(new DataFolder(Server.DataFolder), Keys.Retention),
        };
        try
        {
            return await store.ReadAsync(gallery, templates, ImageKind.Crop);
        }
        finally
        {
            (store as IDisposable)?.Dispose();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        if (_store is not null)
            await _store.DisposeAsync();
    }
}

/// <summary>Key files that an operator keeps apart from data and backups.</summary>
internal sealed class Keys : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("facesearch-keys-").FullName;

    public Keys()
    {
        File.WriteAllBytes(Retention, RandomNumberGenerator.GetBytes(32));
        File.WriteAllBytes(Backup, RandomNumberGenerator.GetBytes(32));
    }

    public string Retention => Path.Combine(_folder, "master.key");

    public string Backup => Path.Combine(_folder, "backup.key");

    /// <summary>Where the server puts its backups.</summary>
    public string Backups => Path.Combine(_folder, "backups");

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
