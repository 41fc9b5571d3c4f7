using System.Globalization;
using FaceSearch.FaultBench.Network;

namespace FaceSearch.FaultBench.Servers;

/// <summary>PostgreSQL, silos that serve HTTP themselves, and gateways without data, each a process. Every silo can be behind a wire of its own.</summary>
internal sealed class FaultCluster : IAsyncDisposable
{
    public const int Shards = 6;
    private readonly string _folder;
    private readonly string _dll;
    private readonly bool _wired;

    private FaultCluster(string folder, string dll, bool wired, FaultDatabase postgres) => (_folder, _dll, _wired, Postgres) = (folder, dll, wired, postgres);

    public FaultDatabase Postgres { get; }

    public List<ServerNode> Silos { get; } = [];

    public List<ServerNode> Gateways { get; } = [];

    /// <summary>By silo; none unless wired.</summary>
    public List<Wire> Wires { get; } = [];

    public IEnumerable<ServerNode> Nodes => Silos.Concat(Gateways);

    /// <summary>The clients of the gateways.</summary>
    public IReadOnlyList<ApiClient> Doors => [.. Gateways.Select(g => g.Client)];

    /// <param name="folder">Where everything is kept; removed with the cluster.</param>
    /// <param name="dll">The silo's assembly.</param>
    /// <param name="wired">Each silo in a network namespace of its own.</param>
    /// <param name="silos">How many.</param>
    /// <param name="gateways">How many.</param>
    public static async Task<FaultCluster> StartAsync(string folder, string dll, bool wired, int silos = 3, int gateways = 2)
    {
        Directory.CreateDirectory(folder);
        string hub = wired ? Wire.HubAddress : "127.0.0.1";
        FaultCluster cluster = new(folder, dll, wired, await FaultDatabase.StartAsync(Path.Combine(folder, "postgres"), hub));
        try
        {
            await cluster.ApplySchemaAsync(dll);
            await Audit.InstallAsync(cluster.Postgres);
            for (int i = 1; i <= silos; i++)
                cluster.Silos.Add(cluster.MakeSilo(i));
            await Task.WhenAll(cluster.Silos.Select(s => s.StartAsync()));
            for (int i = 1; i <= gateways; i++)
                cluster.Gateways.Add(cluster.MakeGateway(i, hub));
            await Task.WhenAll(cluster.Gateways.Select(s => s.StartAsync()));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Brings the database to the schema of a program, as an operator does before that program starts.</summary>
    /// <exception cref="InvalidOperationException">It was not applied.</exception>
    public async Task ApplySchemaAsync(string dll)
    {
        (int code, string output) = await Tool.TryAsync("dotnet", dll, "database", "apply", $"--Storage:ConnectionString={Postgres.ConnectionString("schema")}");
        if (code != 0)
            throw new InvalidOperationException($"The schema could not be applied: {output}");
    }

    /// <summary>One more silo, which the caller starts.</summary>
    public ServerNode AddSilo()
    {
        ServerNode silo = MakeSilo(Silos.Count + 1);
        Silos.Add(silo);
        return silo;
    }

    /// <summary>How many silos the membership table has as active.</summary>
    public async Task<long> ActiveSilosAsync() => (long)(await Postgres.ExecuteAsync("SELECT count(*) FROM facesearch.silos WHERE status = 3"))!;

    public async ValueTask DisposeAsync()
    {
        foreach (ServerNode node in Nodes)
            await node.DisposeAsync();
        foreach (Wire wire in Wires)
            await wire.DisposeAsync();
        await Postgres.DisposeAsync();
    }

    private ServerNode MakeSilo(int number)
    {
        string address = "127.0.0.1";
        string[] prefix = [];
        if (_wired)
        {
            Wire wire = Wire.Make(number);
            Wires.Add(wire);
            (address, prefix) = (wire.Address, wire.Enter);
        }
        int siloPort = ServerNode.FreePort(), gatewayPort = ServerNode.FreePort();
        IEnumerable<string> Arguments(string start) =>
        [
            "--Storage:Provider=Postgres", $"--Storage:ConnectionString={Postgres.ConnectionString(start)}", "--Cluster:Provider=Postgres",
            $"--Cluster:AdvertisedAddress={address}", "--Cluster:AllowUnencrypted=true", "--Gateway:RequestsPerSecond=0",
            string.Create(CultureInfo.InvariantCulture, $"--Cluster:SiloPort={siloPort}"), string.Create(CultureInfo.InvariantCulture, $"--Cluster:GatewayPort={gatewayPort}"),
        ];
        return new ServerNode($"silo-{number}", Url(address), _dll, _folder, Arguments, prefix);
    }

    private ServerNode MakeGateway(int number, string address) => new($"gateway-{number}", Url(address), _dll, _folder, start =>
        ["--Silo:Role=Gateway", "--Cluster:Provider=Postgres", $"--Cluster:ConnectionString={Postgres.ConnectionString(start)}", "--Gateway:RequestsPerSecond=0"]);

    private static string Url(string address) => string.Create(CultureInfo.InvariantCulture, $"http://{address}:{ServerNode.FreePort()}");
}
