using Orleans.Connections.Security;

namespace FaceSearch.Silo.Hosting;

/// <summary>Mutual TLS on the silo's two Orleans ports.</summary>
internal static class ClusterTls
{
    /// <summary>Nothing where no certificate is configured.</summary>
    public static ISiloBuilder UseClusterTls(this ISiloBuilder silo, IConfiguration configuration)
    {
        ClusterTlsOptions options = new();
        configuration.GetSection(ClusterTlsOptions.Section).Bind(options);
        if (ClusterCertificates.Load(options) is not { } certificates)
            return silo;
        return silo.UseTls(certificates.Own, tls =>
        {
            tls.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
            tls.ClientCertificateMode = RemoteCertificateMode.RequireCertificate;
            tls.RemoteCertificateValidation = (remote, _, _) => certificates.Accepts(remote);
            tls.OnAuthenticateAsClient = (_, client) => client.TargetHost = "facesearch";
        });
    }
}
