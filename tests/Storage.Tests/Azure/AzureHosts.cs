using FaceSearch.Storage.Azure;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;

namespace FaceSearch.Storage.Tests.Azure;

/// <summary>Silos and clients composed as in production; what they register is resolved from them.</summary>
internal static class AzureHosts
{
    /// <summary>A silo that is not started.</summary>
    public static IHost Silo(AzureStorageOptions options, string cluster = "c1", string service = "facesearch", Action<ISiloBuilder>? more = null) =>
        Host.CreateDefaultBuilder().ConfigureLogging(l => l.ClearProviders()).UseOrleans(silo =>
        {
            silo.UseFaceSearchAzureClustering(options).AddFaceSearchAzureStorage(options);
            silo.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (cluster, service));
            more?.Invoke(silo);
        }).Build();

    /// <summary>A client that is not started.</summary>
    public static IHost Client(AzureStorageOptions options, TimeSpan refresh) =>
        Host.CreateDefaultBuilder().ConfigureLogging(l => l.ClearProviders()).UseOrleansClient(client =>
        {
            client.UseFaceSearchAzureClustering(options);
            client.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = ("c1", "facesearch"));
            client.Configure<GatewayOptions>(o => o.GatewayListRefreshPeriod = refresh);
        }).Build();
}
