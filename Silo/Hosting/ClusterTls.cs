using System.Net;
using Orleans.Connections.Security;

namespace FaceSearch.Silo.Hosting;

/// <summary>Mutual TLS on the silo's two Orleans ports.</summary>
internal static class ClusterTls
{
    /// <summary>Does nothing where no certificate is configured, which is refused beyond loopback.</summary>
    /// <exception cref="ConfigurationException">Other machines could reach the ports, and nothing would keep them from calling any grain.</exception>
    public static void UseClusterTls(this ISiloBuilder silo, IConfiguration configuration, ClusterOptions cluster)
    {
        if (Load(configuration) is { } certificates)
        {
            silo.UseTls(certificates.Own, tls => Set(tls, certificates));
            return;
        }
        if (cluster.AllowUnencrypted || IPAddress.IsLoopback(IPAddress.Parse(cluster.AdvertisedAddress!)))
            return;
        throw new ConfigurationException(
            $"The silo would open its Orleans ports at {cluster.AdvertisedAddress} without TLS: whoever reaches them could call any grain. Make certificates with "
            + "infra/scripts/make-cluster-certificates.sh and name them by Cluster:Tls:Certificate, :Key and :Authority. On a network that only the cluster can reach, Cluster:AllowUnencrypted=true.");
    }

    /// <summary>The same for a gateway's connections.</summary>
    public static IClientBuilder UseClusterTls(this IClientBuilder client, IConfiguration configuration) =>
        Load(configuration) is { } certificates ? client.UseTls(certificates.Own, tls => Set(tls, certificates)) : client;

    private static ClusterCertificates? Load(IConfiguration configuration)
    {
        ClusterTlsOptions options = new();
        configuration.GetSection(ClusterTlsOptions.Section).Bind(options);
        return ClusterCertificates.Load(options);
    }

    private static void Set(TlsOptions tls, ClusterCertificates certificates)
    {
        tls.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        tls.ClientCertificateMode = RemoteCertificateMode.RequireCertificate;
        tls.RemoteCertificateValidation = (remote, _, _) => certificates.Accepts(remote);
        tls.OnAuthenticateAsClient = (_, client) => client.TargetHost = "facesearch";
    }
}
