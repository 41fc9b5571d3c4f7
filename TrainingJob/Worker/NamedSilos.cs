using System.Net;
using System.Net.Sockets;
using FaceSearch.TrainingJob.Training;
using Orleans.Messaging;
using Orleans.Runtime;

namespace FaceSearch.TrainingJob.Worker;

/// <summary>
/// The silos behind <c>--silo</c>, looked up anew each time that Orleans asks: a container that is made again has another address, and a
/// name may stand for many silos.
/// </summary>
/// <param name="silos">host:port, each.</param>
internal sealed class NamedSilos(IReadOnlyList<string> silos) : IGatewayListProvider
{
    private readonly (string Host, ushort Port)[] _silos = [.. silos.Select(Parse)];

    public TimeSpan MaxStaleness => TimeSpan.FromSeconds(15);

    public bool IsUpdatable => true;

    public Task InitializeGatewayListProvider() => Task.CompletedTask;

    public async Task<IList<Uri>> GetGateways()
    {
        List<Uri> gateways = [];
        foreach ((string host, ushort port) in _silos)
        {
            foreach (IPAddress address in await AddressesAsync(host).ConfigureAwait(false))
                gateways.Add(SiloAddress.New(address, port, 0).ToGatewayUri());
        }
        return gateways;
    }

    /// <summary>None for a name that nobody knows at the moment: the others may be there.</summary>
    private static async Task<IPAddress[]> AddressesAsync(string host)
    {
        if (IPAddress.TryParse(host, out IPAddress? address))
            return [address];
        try
        {
            IPAddress[] found = await Dns.GetHostAddressesAsync(host).ConfigureAwait(false);
            // Silos listen on the addresses of one family; a machine's own name has both.
            IPAddress[] four = [.. found.Where(a => a.AddressFamily == AddressFamily.InterNetwork)];
            return four.Length > 0 ? four : found;
        }
        catch (SocketException)
        {
            return [];
        }
    }

    private static (string Host, ushort Port) Parse(string silo)
    {
        int colon = silo.LastIndexOf(':');
        return colon >= 1 && ushort.TryParse(silo[(colon + 1)..], out ushort port)
            ? (silo[..colon].Trim('[', ']'), port)
            : throw new TrainingException($"--silo takes host:port, got '{silo}'.");
    }
}
