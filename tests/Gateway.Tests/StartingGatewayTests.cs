using System.Net;
using System.Net.Sockets;
using FaceSearch.Gateway.Cluster;
using FaceSearch.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Gateway.Tests;

/// <summary>A gateway of its own that has not found any silo yet, and so does not know which grains there are.</summary>
public sealed class StartingGatewayTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(null)]
    [InlineData("fs_some-key")]
    public async Task It_is_alive_and_not_ready_and_serves_nothing_whether_a_key_is_sent_or_not(string? key)
    {
        string folder = Directory.CreateTempSubdirectory("facesearch-gateway-").FullName;
        Uri address = new($"http://127.0.0.1:{FreePort()}");
        await using WebApplication app = Build(address, folder);
        using CancellationTokenSource stop = new();
        Task starting = app.StartAsync(stop.Token);
        using HttpClient client = new() { BaseAddress = address, Timeout = Limit };
        if (key is not null)
            client.DefaultRequestHeaders.Add(HttpApi.KeyHeader, key);
        try
        {
            await ListensAsync(client);
            HealthResponse health = await client.GetAsync(new Uri("/health/ready", UriKind.Relative)).ReadAsync(FaceSearchJson.Default.HealthResponse, HttpStatusCode.ServiceUnavailable);
            health.Checks.Single(c => c.Name == "cluster").Status.ShouldBe("unhealthy");
            await client.GetAsync(new Uri("/api/v1/galleries", UriKind.Relative)).ProblemAsync(503, ProblemTypes.ShardUnavailable);
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAny(starting);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static WebApplication Build(Uri address, string folder)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(address.OriginalString);
        builder.Services.Configure<HostOptions>(o => o.ServicesStartConcurrently = true);
        builder.Services.AddClusterConnection(new ClusterConnection());
        builder.UseOrleansClient(silos => silos.UseLocalhostClustering(FreePort()).UseConnectionRetryFilter(async (_, stopping) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), stopping);
            return true;
        }));
        builder.AddFaceSearchGateway(o => o.ModelsFolder = folder);
        WebApplication app = builder.Build();
        app.MapFaceSearchGateway();
        return app;
    }

    private static async Task ListensAsync(HttpClient client)
    {
        using CancellationTokenSource limit = new(Limit);
        while (true)
        {
            try
            {
                using HttpResponseMessage alive = await client.GetAsync(new Uri("/health/live", UriKind.Relative), limit.Token);
                alive.StatusCode.ShouldBe(HttpStatusCode.OK);
                return;
            }
            catch (HttpRequestException)
            {
                await Task.Delay(20, limit.Token);
            }
        }
    }

    private static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
