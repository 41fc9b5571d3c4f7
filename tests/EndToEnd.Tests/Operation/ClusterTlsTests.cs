using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using FaceSearch.EndToEnd.Tests.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Connections.Security;

namespace FaceSearch.EndToEnd.Tests.Operation;

/// <summary>The Orleans ports of a silo with Cluster:Tls answer members of the cluster only.</summary>
public sealed class ClusterTlsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("facesearch-tls-").FullName;

    [Fact]
    public async Task Only_a_certificate_of_the_cluster_s_authority_opens_a_silo_s_ports()
    {
        await MakeAsync("ours", "silo", "worker");
        await MakeAsync("theirs", "stranger");
        int port = ServerProcess.FreePort();
        await using ServerProcess server = await ServerProcess.StartAsync(
            null, Port(port), $"--Cluster:Tls:Certificate={File("ours", "silo.pem")}", $"--Cluster:Tls:Key={File("ours", "silo.key")}", $"--Cluster:Tls:Authority={File("ours", "authority.pem")}");

        using (IHost member = Client(port, Tls("ours", "worker")))
        {
            await member.StartAsync(TestContext.Current.CancellationToken);
            (await member.Services.GetRequiredService<IGrainFactory>().GetGrain<IGalleryDirectoryGrain>(IGalleryDirectoryGrain.Key).ListAsync()).ShouldBeEmpty();
            await member.StopAsync(TestContext.Current.CancellationToken);
        }
        using (IHost stranger = Client(port, Tls("theirs", "stranger")))
            await Should.ThrowAsync<Exception>(stranger.StartAsync(TestContext.Current.CancellationToken));
        using (IHost plain = Client(port, null))
            await Should.ThrowAsync<Exception>(plain.StartAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_refused_when_the_files_are_read()
    {
        await MakeAsync("ours", "silo");
        await MakeAsync("theirs", "stranger");
        FaceSearchException refused = Should.Throw<FaceSearchException>(() =>
            ClusterCertificates.Load(new() { Certificate = File("theirs", "stranger.pem"), Key = File("theirs", "stranger.key"), Authority = File("ours", "authority.pem") }));
        refused.Message.ShouldContain("make-cluster-certificates.sh");
        ClusterCertificates.Load(new()).ShouldBeNull();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>A client that gives up at once.</summary>
    private static IHost Client(int port, Action<IClientBuilder>? tls)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.UseOrleansClient(client =>
        {
            client.UseStaticClustering(new IPEndPoint(IPAddress.Loopback, port)).UseConnectionRetryFilter((_, _) => Task.FromResult(false));
            client.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = ("facesearch", "facesearch"));
            tls?.Invoke(client);
        });
        return builder.Build();
    }

    private Action<IClientBuilder> Tls(string authority, string name) => client =>
        client.UseTls(X509Certificate2.CreateFromPemFile(File(authority, $"{name}.pem"), File(authority, $"{name}.key")), tls =>
        {
            tls.AllowAnyRemoteCertificate();
            tls.OnAuthenticateAsClient = (_, outgoing) => outgoing.TargetHost = "facesearch";
        });

    private static string Port(int port) => string.Create(CultureInfo.InvariantCulture, $"--Silo:ClientPort={port}");

    private string File(string authority, string name) => Path.Combine(_folder, authority, name);

    private async Task MakeAsync(string authority, params string[] names)
    {
        using Process made = Process.Start(new ProcessStartInfo(Path.Combine(Repository.Root, "infra/scripts/make-cluster-certificates.sh"), [Path.Combine(_folder, authority), .. names]) { RedirectStandardOutput = true })!;
        await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        made.ExitCode.ShouldBe(0);
    }
}
