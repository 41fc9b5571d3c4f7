using System.Net;
using System.Net.Sockets;

namespace FaceSearch.Silo.Messaging;

/// <summary>Scheme, host and port of an HTTP address.</summary>
internal readonly record struct ImageOrigin(string Scheme, string Host, int Port)
{
    public static ImageOrigin Of(Uri address) => new(address.Scheme, address.IdnHost.TrimEnd('.').ToLowerInvariant(), address.Port);

    /// <summary>Null unless the text is an origin and nothing more.</summary>
    public static ImageOrigin? TryParse(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https" && address is { AbsolutePath: "/", Query: "", Fragment: "", UserInfo: "" }
            ? Of(address)
            : null;

    /// <summary>Whether an address is one that only this machine or its neighbours have.</summary>
    public static bool IsPrivate(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (IPAddress.IsLoopback(address))
            return true;
        return address.AddressFamily == AddressFamily.InterNetwork
            ? s_private4.Any(n => n.Contains(address))
            : address.IsIPv6LinkLocal || address.IsIPv6SiteLocal || address.IsIPv6UniqueLocal || address.IsIPv6Multicast || s_private6.Any(n => n.Contains(address));
    }

    /// <summary>IANA's special-purpose registry (RFC 6890), multicast and reserved blocks.</summary>
    private static readonly IPNetwork[] s_private4 =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        }.Select(n => IPNetwork.Parse(n)),
    ];

    /// <summary>Unspecified, translated (NAT64, 6to4, Teredo: they can lead to any IPv4 address) and documentation addresses.</summary>
    private static readonly IPNetwork[] s_private6 =
        [.. new[] { "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2002::/16" }.Select(n => IPNetwork.Parse(n))];
}
