using Orleans.Connections.Security;

namespace FaceSearch.Silo.Hosting;

/// <summary>Mutual TLS on the silo's two Orleans ports.</summary>
internal static class ClusterTls
{
    /// <summary>Nothing where no certificate is configured.</summary>
    public static ISiloBuilder UseClusterTls(this ISiloBuilder silo, IConfiguration configuration) =>
        Load(configuration) is { } certificates ? silo.UseTls(certificates.Own, tls => Set(tls, certificates)) : silo;

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
