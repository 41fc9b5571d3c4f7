using FaceSearch.Silo.Hosting;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Orleans.Dashboard;

namespace FaceSearch.Silo.Telemetry;

/// <summary>Traces, from HTTP to the network and the shards, and the actors' dashboard. Both are off unless asked for: they cost each call a little.</summary>
internal static class TelemetryHosting
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT", TracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    private const string DashboardPath = "/dashboard";

    public static void AddTelemetry(this WebApplicationBuilder builder, SiloRole role)
    {
        bool export = IsSet(builder, Endpoint) || IsSet(builder, TracesEndpoint);
        if (export || builder.Configuration.GetValue<bool>("Silo:Tracing"))
            builder.AddTraces(role, export);
        if (role != SiloRole.Gateway && HasDashboard(builder.Configuration))
            builder.UseOrleans(silo => silo.AddDashboard(dashboard => dashboard.HideTrace = true));
    }

    /// <summary>For admins alone: it shows what grains hold.</summary>
    public static void MapDashboard(this WebApplication app)
    {
        if (HasDashboard(app.Configuration))
            app.MapOrleansDashboard(DashboardPath).RequireAuthorization(nameof(ApiRole.Admin));
    }

    private static void AddTraces(this WebApplicationBuilder builder, SiloRole role, bool export)
    {
        if (role == SiloRole.Gateway)
            builder.UseOrleansClient(client => client.AddActivityPropagation());
        else
            builder.UseOrleans(silo => silo.AddActivityPropagation());
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource =>
            {
                if (!IsSet(builder, "OTEL_SERVICE_NAME"))
                    resource.AddService("facesearch", serviceVersion: typeof(TelemetryHosting).Assembly.GetName().Version?.ToString(3));
            })
            .WithTracing(traces =>
            {
                traces.AddSource("FaceSearch.*", "Microsoft.Orleans.Application", "MassTransit")
                    .AddAspNetCoreInstrumentation(http => http.Filter = request => request.Request.Path.StartsWithSegments("/api"))
                    .AddProcessor(new Discretion());
                if (export)
                    traces.AddOtlpExporter();
            });
    }

    private static bool HasDashboard(IConfiguration configuration) => configuration.GetValue<bool>("Silo:Dashboard");

    private static bool IsSet(WebApplicationBuilder builder, string name) => !string.IsNullOrWhiteSpace(builder.Configuration[name]);
}
