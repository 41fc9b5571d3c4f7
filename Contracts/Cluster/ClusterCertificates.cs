using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace FaceSearch;

/// <summary>Files of a process's place in the cluster; all PEM.</summary>
public sealed record ClusterTlsOptions
{
    /// <summary>Configuration section.</summary>
    public const string Section = "Cluster:Tls";

    /// <summary>This process's certificate.</summary>
    public string? Certificate { get; set; }

    /// <summary>Its private key; null: in the certificate's file.</summary>
    public string? Key { get; set; }

    /// <summary>The private authority that signed the certificate of every member.</summary>
    public string? Authority { get; set; }
}

/// <summary>
/// Who may speak to a cluster's Orleans ports: both ends of a connection show a certificate signed by the cluster's own authority.
/// Without it whoever reaches a port could call any grain, past keys and roles. Host names are not compared: members find each other by
/// address in the membership table.
/// </summary>
public sealed class ClusterCertificates : IDisposable
{
    private readonly X509Certificate2Collection _authorities = [];

    private ClusterCertificates(X509Certificate2 own) => Own = own;

    /// <summary>With its private key.</summary>
    public X509Certificate2 Own { get; }

    /// <summary>Reads the files; null if none is named.</summary>
    /// <exception cref="FaceSearchException">A file is missing or is not what it should be.</exception>
    public static ClusterCertificates? Load(ClusterTlsOptions options)
    {
        if (options.Certificate is null && options.Authority is null)
            return null;
        if (options.Certificate is null || options.Authority is null)
            throw Bad("it needs both a certificate (Cluster:Tls:Certificate) and the authority that signed it (Cluster:Tls:Authority)");
        try
        {
            ClusterCertificates loaded = new(X509Certificate2.CreateFromPemFile(options.Certificate, options.Key));
            loaded._authorities.ImportFromPemFile(options.Authority);
            if (!loaded.Accepts(loaded.Own))
                throw Bad($"the certificate in {options.Certificate} is not (or not now) one of the authority in {options.Authority}");
            return loaded;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw Bad(e.Message);
        }
    }

    /// <summary>Whether the authority signed this certificate and it is valid now.</summary>
    public bool Accepts(X509Certificate2? remote)
    {
        if (remote is null)
            return false;
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.AddRange(_authorities);
        return chain.Build(remote);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Own.Dispose();
        foreach (X509Certificate2 authority in _authorities)
            authority.Dispose();
    }

    private static FaceSearchException Bad(string what) =>
        new(ProblemTypes.InvalidRequest, 400, $"The cluster's TLS is not usable: {what}. infra/scripts/make-cluster-certificates.sh makes an authority and certificates.");
}
