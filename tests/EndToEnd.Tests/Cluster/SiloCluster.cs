using System.Diagnostics;
using System.Globalization;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Tests.Servers;

namespace FaceSearch.EndToEnd.Tests.Cluster;

/// <summary>A private server that keeps the data, and real silos on it, each a process with a data folder and ports of its own.</summary>
internal sealed class SiloCluster : IAsyncDisposable
{
    private readonly IAsyncDisposable _server;
    private readonly RedisServer? _redis;
    private readonly string _provider;

    private SiloCluster(IAsyncDisposable server, string provider, string connectionString, string secret, RedisServer? redis = null) =>
        (_server, _provider, ConnectionString, Secret, _redis) = (server, provider, connectionString, secret, redis);

    public string ConnectionString { get; }

    public int RedisPort => _redis!.Port;

    /// <summary>What nobody may say.</summary>
    public string Secret { get; }

    public List<ServerProcess> Silos { get; } = [];

    public List<ServerProcess> Gateways { get; } = [];

    /// <summary>Starts a PostgreSQL without a schema.</summary>
    public static async Task<SiloCluster> OnPostgresAsync()
    {
        PostgresServer postgres = await PostgresServer.StartAsync();
        return new SiloCluster(postgres, "Postgres", await postgres.CreateDatabaseAsync(), PostgresServer.Password);
    }

    /// <summary>Starts an Azurite.</summary>
    public static async Task<SiloCluster> OnAzureAsync()
    {
        Azurite azurite = await Azurite.StartOwnAsync();
        return new SiloCluster(azurite, "Azure", azurite.ConnectionString, Azurite.Key);
    }

    /// <summary>Starts a PostgreSQL with a schema for the data, and a Redis for the membership.</summary>
    public static async Task<SiloCluster> OnRedisAsync()
    {
        RedisServer redis = await RedisServer.StartAsync();
        PostgresServer postgres = await PostgresServer.StartAsync();
        SiloCluster cluster = new(postgres, "Postgres", await postgres.CreateDatabaseAsync(), RedisServer.Password, redis);
        (await cluster.DatabaseAsync("apply")).Code.ShouldBe(0);
        return cluster;
    }

    /// <summary>Starts one more silo and waits until it is ready.</summary>
    public async Task<ServerProcess> AddSiloAsync(params string[] more)
    {
        ServerProcess silo = await ServerProcess.StartAsync(null, [
            $"--Storage:Provider={_provider}",
            $"--Storage:ConnectionString={ConnectionString}",
            .. Membership(ofGateway: false),
            "--Cluster:AdvertisedAddress=127.0.0.1",
            string.Create(CultureInfo.InvariantCulture, $"--Cluster:SiloPort={ServerProcess.FreePort()}"),
            string.Create(CultureInfo.InvariantCulture, $"--Cluster:GatewayPort={ServerProcess.FreePort()}"),
            .. more]);
        Silos.Add(silo);
        return silo;
    }

    /// <summary>Starts one more gateway without data and waits until it is ready.</summary>
    public async Task<ServerProcess> AddGatewayAsync(params string[] more)
    {
        ServerProcess gateway = await ServerProcess.StartAsync(null, [
            "--Silo:Role=Gateway",
            .. Membership(ofGateway: true),
            .. more]);
        Gateways.Add(gateway);
        return gateway;
    }

    /// <summary>Runs <c>Silo database ...</c>; exit code and what it said.</summary>
    public async Task<(int Code, string Output)> DatabaseAsync(string verb)
    {
        ProcessStartInfo start = new("dotnet", [Repository.Assembly("Silo"), "database", verb, $"--Storage:ConnectionString={ConnectionString}"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync() + await error;
        await process.WaitForExitAsync();
        return (process.ExitCode, output);
    }

    public Task<object?> QueryAsync(string sql) => PostgresServer.ExecuteAsync(ConnectionString, sql);

    public async ValueTask DisposeAsync()
    {
        foreach (ServerProcess silo in Silos.Concat(Gateways))
            await silo.DisposeAsync();
        await _server.DisposeAsync();
        if (_redis is not null)
            await _redis.DisposeAsync();
    }

    /// <summary>Silos take the storage's server where nothing else is said; a gateway has no storage.</summary>
    private string[] Membership(bool ofGateway) => _redis is not null ? ["--Cluster:Provider=Redis", $"--Cluster:ConnectionString={_redis.ConnectionString}"]
        : ofGateway ? [$"--Cluster:Provider={_provider}", $"--Cluster:ConnectionString={ConnectionString}"]
        : [$"--Cluster:Provider={_provider}"];
}
