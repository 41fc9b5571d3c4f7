using System.Net;
using Microsoft.Extensions.Configuration;

namespace FaceSearch.Gateway;

/// <summary>Refuses to serve other machines before there is an admin key.</summary>
public static class GatewayExposure
{
    /// <summary>The addresses that the web server is configured to listen on; without any, ASP.NET Core's own default.</summary>
    public static IReadOnlyList<string> ConfiguredAddresses(IConfiguration configuration)
    {
        List<string> addresses = [.. configuration.GetSection("Kestrel:Endpoints").GetChildren().Select(e => e["Url"]).OfType<string>()];
        if (addresses.Count > 0)
            return addresses;
        addresses.AddRange(Split(configuration["urls"]));
        if (addresses.Count == 0)
        {
            addresses.AddRange(Split(configuration["http_ports"]).Select(port => $"http://*:{port}"));
            addresses.AddRange(Split(configuration["https_ports"]).Select(port => $"https://*:{port}"));
        }
        return addresses.Count > 0 ? addresses : ["http://localhost:5000"];
    }

    private static string[] Split(string? list) => list?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    /// <summary>Whether only this machine can reach the address; a Unix socket counts, a name other than localhost does not.</summary>
    public static bool IsLoopback(string address)
    {
        int scheme = address.IndexOf("://", StringComparison.Ordinal);
        string rest = scheme < 0 ? address : address[(scheme + 3)..];
        if (rest.StartsWith("unix:", StringComparison.OrdinalIgnoreCase))
            return true;
        int end = rest.StartsWith('[') ? rest.IndexOf(']', StringComparison.Ordinal) + 1 : rest.IndexOfAny([':', '/']);
        string host = (end <= 0 ? rest : rest[..end]).Trim('[', ']');
        return host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(host, out IPAddress? ip) && IPAddress.IsLoopback(ip));
    }

    /// <summary>Null when it is safe to listen on these addresses; otherwise why not, and what to do.</summary>
    public static string? Check(IEnumerable<string> addresses, bool adminKeyExists)
    {
        string[] open = [.. addresses.Where(a => !IsLoopback(a))];
        return open.Length == 0 || adminKeyExists
            ? null
            : $"FaceSearch will not listen on {string.Join(", ", open)}: other machines could reach it, and no admin key exists. "
                + "Either listen on loopback only (--urls http://127.0.0.1:8080), or make an admin key first: start it on loopback, run "
                + "`facesearch keys create --role admin --name <name>`, keep the key it prints, and start again. "
                + "A key of your own (at least 24 characters) can also be given in the environment variable FACESEARCH_ADMIN_KEY.";
    }

    /// <summary>Called once the cluster answers and before the server listens.</summary>
    /// <exception cref="InvalidOperationException">Unsafe; the message says what to do.</exception>
    public static async Task EnsureAsync(IConfiguration configuration, IGrainFactory grains)
    {
        IReadOnlyList<HashedApiKey> keys = await grains.GetGrain<IApiKeyGrain>(IApiKeyGrain.Key).GetHashesAsync();
        if (Check(ConfiguredAddresses(configuration), keys.Any(k => k.Role == ApiRole.Admin)) is { } refusal)
            throw new InvalidOperationException(refusal);
    }
}
