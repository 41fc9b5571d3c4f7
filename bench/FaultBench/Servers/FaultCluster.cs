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
    private readonly bool _audited;

    private FaultCluster(string folder, string dll, bool wired, FaultDatabase postgres, bool audited) =>
        (_folder, _dll, _wired, Postgres, _audited) = (folder, dll, wired, postgres, audited);

    public FaultDatabase Postgres { get; }

    public List<ServerNode> Silos { get; } = [];

    public List<ServerNode> Gateways { get; } = [];

    /// <summary>By silo; none unless wired.</summary>
    public List<Wire> Wires { get; } = [];

    public IEnumerable<ServerNode> Nodes => Silos.Concat(Gateways);

    /// <summary>Further arguments of the processes that are started from now on, by the node's name.</summary>
    public Func<string, IEnumerable<string>> More { get; set; } = _ => [];

    /// <summary>The clients of the gateways.</summary>
    public IReadOnlyList<ApiClient> Doors => [.. Gateways.Select(g => g.Client)];

    /// <param name="folder">Where everything is kept; removed with the cluster.</param>
    /// <param name="dll">The silo's assembly.</param>
    /// <param name="wired">Each silo in a network namespace of its own.</param>
    /// <param name="silos">How many.</param>
    /// <param name="gateways">How many.</param>
    /// <param name="audited">Notes who writes under which epoch (<see cref="Audit"/>). Without it the cluster runs as it would for a user: nothing watches the commits.</param>
    public static async Task<FaultCluster> StartAsync(string folder, string dll, bool wired, int silos = 3, int gateways = 2, bool audited = true)
    {
        Directory.CreateDirectory(folder);
        string hub = wired ? Wire.HubAddress : "127.0.0.1";
        FaultCluster cluster = new(folder, dll, wired, await FaultDatabase.StartAsync(Path.Combine(folder, "postgres"), hub), audited);
        try
        {
            await cluster.ApplySchemaAsync(dll);
            if (audited)
                await Audit.InstallAsync(cluster.Postgres);
            for (int i = 1; i <= silos; i++)
                cluster.Silos.Add(cluster.MakeSilo(i));
            await Task.WhenAll(cluster.Silos.Select(s => s.StartAsync()));
            for (int i = 1; i <= gateways; i++)
                cluster.AddGateway();
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

    /// <summary>One more gateway, which the caller starts.</summary>
    public ServerNode AddGateway()
    {
        ServerNode gateway = MakeGateway(Gateways.Count + 1, _wired ? Wire.HubAddress : "127.0.0.1");
        Gateways.Add(gateway);
        return gateway;
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
            .. More($"silo-{number}"),
        ];
        return new ServerNode($"silo-{number}", Url(address), _dll, _folder, Arguments, prefix) { LivesBriefly = _audited };
    }

    private ServerNode MakeGateway(int number, string address) => new($"gateway-{number}", Url(address), _dll, _folder, start =>
        ["--Silo:Role=Gateway", "--Cluster:Provider=Postgres", $"--Cluster:ConnectionString={Postgres.ConnectionString(start)}", "--Gateway:RequestsPerSecond=0", .. More($"gateway-{number}")])
        { LivesBriefly = _audited };

    private static string Url(string address) => string.Create(CultureInfo.InvariantCulture, $"http://{address}:{ServerNode.FreePort()}");
}
