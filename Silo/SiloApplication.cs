using FaceSearch.Gateway;
using FaceSearch.Silo.Hosting;
using FaceSearch.Silo.Messaging;
using FaceSearch.Silo.Startup;
using FaceSearch.Silo.Telemetry;

namespace FaceSearch.Silo;

/// <summary>The whole server, put together and not started yet.</summary>
internal static class SiloApplication
{
    /// <param name="args">Command line.</param>
    /// <param name="further">What a test adds at the end.</param>
    public static WebApplication Create(string[] args, Action<WebApplicationBuilder>? further = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        SiloOptions options = builder.AddSiloOptions();
        builder.AddSiloLogging();
        builder.AddInference(options);
        builder.AddOrleansSilo(options);
        builder.AddMessaging();
        builder.AddTelemetry();
        builder.AddFaceSearchGateway();
        builder.AddStartup();
        further?.Invoke(builder);
        WebApplication app = builder.Build();
        app.MapFaceSearchGateway();
        app.MapDashboard();
        return app;
    }
}
