using System.Diagnostics;
using System.Globalization;
using FaceSearch.FaultBench.Servers;

namespace FaceSearch.FaultBench.Network;

/// <summary>What a wire does to packets of one direction.</summary>
/// <param name="Loses">All are lost.</param>
/// <param name="LosesPeers">Those from or to other silos are lost; PostgreSQL, gateways and clients are reached.</param>
/// <param name="Delay">Added to each packet's way.</param>
internal readonly record struct Condition(bool Loses = false, bool LosesPeers = false, TimeSpan Delay = default);

/// <summary>
/// The only link between a network namespace, in which one silo runs, and the hub: two TUN devices and this process in between, which loses or
/// delays IP packets by direction. The kernels' TCP at both ends is the real one.
/// </summary>
internal sealed class Wire : IAsyncDisposable
{
    /// <summary>Where the hub's processes (PostgreSQL, gateways) are.</summary>
    public const string HubAddress = "198.18.0.1";

    /// <summary>Set in the process that is its own hub.</summary>
    public const string HubMark = "FACESEARCH_FAULTBENCH_HUB";

    private const int MostSilos = 9;
    private static readonly string[] Tools = ["ip", "unshare"];
    private readonly string _namespace;
    private readonly Tun _hub, _silo;
    private readonly Thread[] _threads;
    private volatile bool _ended;
    private Condition _out, _in;

    private Wire(int number, string name, Tun hub, Tun silo)
    {
        (_namespace, _hub, _silo, Address) = (name, hub, silo, AddressOf(number));
        _threads = [.. new Link[] { new(_silo, _hub, () => _out), new(_hub, _silo, () => _in) }.SelectMany(l => l.Start(() => _ended))];
    }

    public string Address { get; }

    /// <summary>Runs a program in the namespace, in the same process.</summary>
    public string[] Enter => ["ip", "netns", "exec", _namespace];

    /// <summary>Why there cannot be one; null if there can.</summary>
    public static string? Missing =>
        !OperatingSystem.IsLinux() || Environment.UserName != "root" ? "network namespaces need Linux and root"
        : !File.Exists("/dev/net/tun") ? "there is no /dev/net/tun"
        : Tools.FirstOrDefault(t => !Tool.Exists(t)) is { } tool ? $"{tool} is not installed: apt-get install iproute2 util-linux"
        : Environment.GetEnvironmentVariable(HubMark) is null ? "not in a network namespace of its own: not permitted here"
        : null;

    /// <summary>Makes this process's own namespace the hub.</summary>
    public static async Task MakeHubAsync()
    {
        await Tool.RunAsync("ip", "link", "set", "lo", "up");
        await Tool.RunAsync("ip", "addr", "replace", $"{HubAddress}/32", "dev", "lo");
        await File.WriteAllTextAsync("/proc/sys/net/ipv4/ip_forward", "1");
    }

    /// <summary>A namespace for a silo, joined to the hub.</summary>
    /// <param name="number">1 to 9.</param>
    public static Wire Make(int number)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, MostSilos);
        string name = string.Create(CultureInfo.InvariantCulture, $"faultbench-{Environment.ProcessId}-{number}");
        string hubName = $"hub{number}", siloName = $"silo{number}", address = AddressOf(number), router = RouterOf(number);
        Tun hub = new(hubName), silo = new(siloName);
        foreach (string command in (string[])
        [
            $"netns add {name}", $"link set {siloName} netns {name}", $"-n {name} link set lo up", $"-n {name} addr add {address} peer {router} dev {siloName}",
            $"-n {name} link set {siloName} up", $"-n {name} route add default via {router}", $"addr add {router} peer {address} dev {hubName}", $"link set {hubName} up",
        ])
            Tool.RunAsync("ip", command.Split(' ')).GetAwaiter().GetResult();
        return new Wire(number, name, hub, silo);
    }

    /// <summary>From now on.</summary>
    /// <param name="leaving">What becomes of packets that the silo sends.</param>
    /// <param name="arriving">What becomes of packets to the silo.</param>
    public void Set(Condition leaving, Condition arriving) => (_out, _in) = (leaving, arriving);

    public void Heal() => Set(default, default);

    public async ValueTask DisposeAsync()
    {
        _ended = true;
        foreach (Thread thread in _threads)
            thread.Join();
        _hub.Dispose();
        _silo.Dispose();
        await Tool.TryAsync("ip", "netns", "del", _namespace);
    }

    private static string AddressOf(int number) => $"198.18.{number}.2";

    private static string RouterOf(int number) => $"198.18.{number}.1";

    /// <summary>One direction.</summary>
    private sealed class Link(Tun from, Tun to, Func<Condition> condition)
    {
        private const int Largest = 65_536, Source = 12, Destination = 16, HeaderLength = 20;
        private readonly Queue<(long Due, byte[] Packet)> _delayed = [];

        public IEnumerable<Thread> Start(Func<bool> ended)
        {
            foreach (ThreadStart run in (ThreadStart[])[() => Carry(ended), () => Deliver(ended)])
            {
                Thread thread = new(run) { IsBackground = true, Name = "wire" };
                thread.Start();
                yield return thread;
            }
        }

        private void Carry(Func<bool> ended)
        {
            byte[] packet = new byte[Largest];
            while (!ended())
            {
                int length = from.Read(packet);
                if (length < HeaderLength)
                    continue;
                Condition now = condition();
                if (now.Loses || (now.LosesPeers && IsBetweenSilos(packet)))
                    continue;
                lock (_delayed)
                {
                    if (now.Delay > TimeSpan.Zero || _delayed.Count > 0)
                    {
                        _delayed.Enqueue((Stopwatch.GetTimestamp() + (long)(now.Delay.TotalSeconds * Stopwatch.Frequency), packet[..length]));
                        Monitor.Pulse(_delayed);
                        continue;
                    }
                }
                to.Write(packet, length);
            }
        }

        private void Deliver(Func<bool> ended)
        {
            while (!ended())
            {
                byte[] packet;
                lock (_delayed)
                {
                    if (_delayed.Count == 0 && !Monitor.Wait(_delayed, 200))
                        continue;
                    if (_delayed.Count == 0)
                        continue;
                    TimeSpan left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), _delayed.Peek().Due);
                    if (left > TimeSpan.Zero)
                    {
                        Monitor.Wait(_delayed, left);
                        continue;
                    }
                    packet = _delayed.Dequeue().Packet;
                }
                to.Write(packet, packet.Length);
            }
        }

        /// <summary>IPv4, both ends 198.18.n.2 with n of a silo.</summary>
        private static bool IsBetweenSilos(byte[] packet) => IsSilo(packet.AsSpan(Source, 4)) && IsSilo(packet.AsSpan(Destination, 4));

        private static bool IsSilo(ReadOnlySpan<byte> address) => address is [198, 18, >= 1 and <= MostSilos, 2];
    }
}
