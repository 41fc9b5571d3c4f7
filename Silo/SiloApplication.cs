using FaceSearch.Gateway;
using FaceSearch.Silo.Hosting;
using FaceSearch.Silo.Messaging;
using FaceSearch.Silo.Startup;
using FaceSearch.Silo.Telemetry;

namespace FaceSearch.Silo;

/// <summary>The server of a role, put together and not started yet.</summary>
internal static class SiloApplication
{
    /// <param name="args">Command line.</param>
    /// <param name="further">What a test adds at the end.</param>
    public static WebApplication Create(string[] args, Action<WebApplicationBuilder>? further = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        SiloOptions options = builder.AddSiloOptions();
        builder.AddSiloLogging();
        builder.AddModels(options);
        if (options.Role == SiloRole.Gateway)
        {
            builder.AddOrleansGateway();
        }
        else
        {
            builder.AddEmbedders(options);
            builder.AddOrleansSilo(options);
        }
        builder.AddMessaging(options.Role);
        builder.AddTelemetry(options.Role);
        if (options.Role == SiloRole.Silo)
            builder.AddFaceSearchStatus();
        else
            builder.AddFaceSearchGateway();
        builder.AddStartup(options);
        further?.Invoke(builder);
        WebApplication app = builder.Build();
        if (options.Role == SiloRole.Silo)
            app.MapFaceSearchStatus();
        else
            app.MapFaceSearchGateway();
        if (options.Role != SiloRole.Gateway)
            app.MapDashboard();
        return app;
    }
}
