using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FaceSearch.ServerBench;

/// <summary>A grain that does nothing with what an identification would send it.</summary>
[Alias("fs.bench.IEmptyGrain")]
public interface IEmptyGrain : IGrainWithIntegerKey
{
    [Alias("Ask")] Task<int> AskAsync(Embedding probe);
}

/// <inheritdoc cref="IEmptyGrain"/>
public sealed class EmptyGrain : Grain, IEmptyGrain
{
    public Task<int> AskAsync(Embedding probe) => Task.FromResult(1);
}

/// <summary>
/// What the platform itself costs: Kestrel and an Orleans silo in one process, one endpoint without any middleware of ours,
/// one local grain call with a 512-byte argument. It runs as a process of its own, like the server.
/// </summary>
internal static class EmptyHost
{
    public const string Verb = "empty-host", Path = "/empty";

    public static async Task<int> RunAsync(string url)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseUrls(url);
        builder.UseOrleans(silo => silo.UseLocalhostClustering(ChildProcess.FreePort(), ChildProcess.FreePort(), serviceId: "empty", clusterId: "empty"));
        WebApplication app = builder.Build();
        float[] axis = new float[Embedding.Dimension];
        axis[0] = 1;
        Embedding probe = Embedding.FromUnit(axis);
        app.MapGet(Path, async (IGrainFactory grains) => TypedResults.Ok(await grains.GetGrain<IEmptyGrain>(0).AskAsync(probe)));
        app.MapGet("/health/live", () => TypedResults.Ok());
        await app.RunAsync();
        return 0;
    }

    /// <summary>Starts it and waits until it answers.</summary>
    public static async Task<(ChildProcess Process, ServerClient Client)> StartAsync(CancellationToken cancellation)
    {
        string url = $"http://{IPAddress.Loopback}:{ChildProcess.FreePort()}";
        var process = new ChildProcess(typeof(EmptyHost).Assembly.Location, [Verb, url], new Dictionary<string, string?> { ["DOTNET_gcServer"] = "1", ["ASPNETCORE_URLS"] = null }, show: false);
        var client = new ServerClient(url);
        while (!await client.IsLiveAsync(cancellation))
        {
            if (process.HasExited)
                throw new InvalidOperationException($"The empty host did not start: {process.Tail()}");
            await Task.Delay(50, cancellation);
        }
        return (process, client);
    }
}
