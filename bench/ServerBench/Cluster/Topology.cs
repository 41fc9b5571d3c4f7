using System.Diagnostics;
using FaceSearch.FaultBench.Servers;
using FaceSearch.Http;

namespace FaceSearch.ServerBench.Cluster;

/// <summary>Where requests are sent.</summary>
internal sealed record Door(string Name, ServerClient Client);

/// <summary>Some of the cluster's processes on the one stored gallery: started together, measured, stopped together.</summary>
internal sealed class Topology(string name, ServerNode[] silos, ServerNode[] gateways) : IAsyncDisposable
{
    private static readonly TimeSpan OpenLimit = TimeSpan.FromMinutes(5), StopLimit = TimeSpan.FromMinutes(1);

    private readonly List<ServerClient> _clients = [];

    public string Name => name;

    /// <summary>The gateway first, if there is one; a silo serves HTTP, too.</summary>
    public IReadOnlyList<Door> Doors { get; private set; } = [];

    /// <summary>How many shards each silo holds.</summary>
    public int[] Spread { get; private set; } = [];

    private IEnumerable<ServerNode> Nodes => silos.Concat(gateways);

    /// <summary>Processor time of all its processes, without PostgreSQL.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            TimeSpan all = TimeSpan.Zero;
            foreach (ServerNode node in Nodes)
            {
                using var process = Process.GetProcessById(node.ProcessId);
                all += process.TotalProcessorTime;
            }
            return all;
        }
    }

    /// <summary>Resident memory of each process, MiB.</summary>
    public string Memory => string.Join(", ", Nodes.Select(n => $"{n.Name} {n.ResidentBytes() >> 20:N0}"));

    public async Task StartAsync()
    {
        await Task.WhenAll(silos.Select(s => s.StartAsync()));
        await Task.WhenAll(gateways.Select(g => g.StartAsync()));
        Doors = [.. gateways.Concat(silos).Take(gateways.Length + 1).Select(n => new Door(n.Name, ClientOf(n)))];
    }

    /// <summary>Asks until every shard answers and they are spread evenly.</summary>
    public async Task OpenAsync(byte[] body, CancellationToken cancellation)
    {
        Stopwatch waited = Stopwatch.StartNew();
        ServerClient[] each = [.. silos.Select(ClientOf)];
        while (true)
        {
            (int status, byte[] answer) = await Doors[0].Client.IdentifyAsync(ClusterSettings.Gallery, body, cancellation);
            if (status is 200)
            {
                Spread = await Task.WhenAll(each.Select(c => CountAsync(c, "facesearch_shard_templates{", _ => true, cancellation)));
                if (Spread.Sum() == ClusterSettings.Shards && Spread.Max() - Spread.Min() <= 1)
                    return;
            }
            if (waited.Elapsed > OpenLimit)
                throw new TimeoutException($"The shards did not open, or are not spread evenly ({string.Join(" + ", Spread)}): {status} {System.Text.Encoding.UTF8.GetString(answer)}");
            await Task.Delay(500, cancellation);
        }
    }

    /// <summary>Waits until every change is in a snapshot, so that every start loads the same.</summary>
    public async Task SavedAsync(CancellationToken cancellation)
    {
        Stopwatch waited = Stopwatch.StartNew();
        ServerClient[] each = [.. silos.Select(ClientOf)];
        while ((await Task.WhenAll(each.Select(c => CountAsync(c, "facesearch_shard_unsaved{", v => v > 0, cancellation)))).Sum() > 0)
        {
            if (waited.Elapsed > OpenLimit)
                throw new TimeoutException("The shards' snapshots were not written.");
            await Task.Delay(1_000, cancellation);
        }
    }

    /// <summary>Processor time, ms, that its processes take in a second in which nobody asks: probes, timers, checks of epochs.</summary>
    public async Task<double> IdleAsync(CancellationToken cancellation)
    {
        TimeSpan before = ProcessorTime;
        Stopwatch waited = Stopwatch.StartNew();
        await Task.Delay(5_000, cancellation);
        return (ProcessorTime - before).TotalMilliseconds / waited.Elapsed.TotalSeconds;
    }

    /// <summary>Waits, a minute at most, until the processes have nothing to do of their own.</summary>
    public async Task QuietAsync(CancellationToken cancellation)
    {
        Stopwatch waited = Stopwatch.StartNew();
        for (int quiet = 0; quiet < 3 && waited.Elapsed < TimeSpan.FromMinutes(1);)
        {
            TimeSpan before = ProcessorTime;
            await Task.Delay(1_000, cancellation);
            quiet = ProcessorTime - before < Nodes.Count() * TimeSpan.FromMilliseconds(80) ? quiet + 1 : 0;
        }
    }

    public Task<GalleryDescription> DescribeAsync(CancellationToken cancellation) => Doors[0].Client.DescribeAsync(ClusterSettings.Gallery, cancellation);

    /// <summary>SIGTERM to all; kill where that does not help.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (ServerClient client in _clients)
            client.Dispose();
        await Task.WhenAll(Nodes.Where(n => n.IsRunning).Select(async node =>
        {
            try
            {
                await node.StopAsync().WaitAsync(StopLimit);
            }
            catch (TimeoutException)
            {
                await node.KillAsync();
            }
        }));
    }

    private ServerClient ClientOf(ServerNode node)
    {
        ServerClient client = new(node.Url, Secrets.AdminKey);
        _clients.Add(client);
        return client;
    }

    /// <summary>Lines of a server's metrics with this beginning whose value is as wanted.</summary>
    private static async Task<int> CountAsync(ServerClient client, string metric, Func<double, bool> wanted, CancellationToken cancellation) =>
        (await client.TextAsync("/metrics", cancellation)).Split('\n')
            .Count(l => l.StartsWith(metric, StringComparison.Ordinal) && wanted(double.Parse(l[(l.LastIndexOf('}') + 1)..].Trim().Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture)));
}
