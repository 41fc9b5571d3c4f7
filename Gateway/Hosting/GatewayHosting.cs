using System.Text.Json;
using FaceSearch.Gateway.Bulk;
using FaceSearch.Gateway.Cluster;
using FaceSearch.Gateway.Console;
using FaceSearch.Gateway.Endpoints;
using FaceSearch.Gateway.Faces;
using FaceSearch.Gateway.Health;
using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.OpenApi;
using FaceSearch.Gateway.Problems;
using FaceSearch.Gateway.Security;
using FaceSearch.Gateway.Telemetry;
using FaceSearch.Http;
using FaceSearch.Vision;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OpenTelemetry.Metrics;
using Scalar.AspNetCore;

namespace FaceSearch.Gateway;

/// <summary>Adds the HTTP API and the console page to a web application that is an Orleans client or silo.</summary>
public static class GatewayHosting
{
    /// <summary>Health checks with this tag decide <c>/health/ready</c>; the host adds its own (storage, embedder).</summary>
    public const string ReadyTag = HealthEndpoints.ReadyTag;

    /// <summary>
    /// Registers the gateway. It needs an <see cref="IGrainFactory"/> (from UseOrleans or UseOrleansClient) and reads the section
    /// <see cref="GatewayOptions.Section"/>; a <see cref="ModelStore"/> that the host registered before is used.
    /// </summary>
    public static IHostApplicationBuilder AddFaceSearchGateway(this IHostApplicationBuilder builder, Action<GatewayOptions>? configure = null)
    {
        builder.AddFaceSearchStatus(configure);
        IServiceCollection services = builder.Services;
        services.TryAddSingleton(sp => new ModelStore(sp.GetRequiredService<IOptions<GatewayOptions>>().Value.ModelsFolder, ModelStore.BundledFolder));
        services.AddSingleton<RequestReader>();
        services.AddSingleton<VisionModels>();
        services.AddSingleton<FaceReader>();
        services.AddSingleton<Catalogue>();
        services.AddSingleton<Identifier>();
        services.AddSingleton<ModelUploads>();
        services.AddSingleton<ShadowSampler>();
        services.AddHostedService(sp => sp.GetRequiredService<ShadowSampler>());
        services.AddSingleton<Enroller>();
        services.AddSingleton<BulkEnroller>();
        services.AddSingleton(sp => new EnrolmentService(sp.GetRequiredService<Enroller>(), sp.GetRequiredService<IOptions<GatewayOptions>>().Value));
        services.AddGatewayRateLimits();
        services.AddGatewayOpenApi();
        services.AddHealthChecks().AddCheck<DetectorCheck>("detector", tags: [ReadyTag]);
        return builder;
    }

    /// <summary>Registers what a process without the HTTP API needs to tell of its health and metrics.</summary>
    public static IHostApplicationBuilder AddFaceSearchStatus(this IHostApplicationBuilder builder, Action<GatewayOptions>? configure = null)
    {
        IServiceCollection services = builder.Services;
        services.AddOptions<GatewayOptions>().Bind(builder.Configuration.GetSection(GatewayOptions.Section))
            .Configure(options => configure?.Invoke(options))
            .ValidateDataAnnotations().ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<GatewayMetrics>();
        services.AddSingleton<ApiKeyRing>();
        services.Configure<KestrelServerOptions>(kestrel => kestrel.AddServerHeader = false);
        services.Configure<JsonOptions>(json => Share(json.SerializerOptions));
        services.AddAuthentication(ApiKeyHandler.SchemeName).AddScheme<AuthenticationSchemeOptions, ApiKeyHandler>(ApiKeyHandler.SchemeName, null);
        services.AddAuthorizationBuilder().AddPolicies();
        services.AddHealthChecks().AddCheck<GalleriesCheck>("galleries", tags: [ReadyTag]);
        services.AddSingleton<GalleriesCheck>();
        services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .AddMeter("FaceSearch.*", "Microsoft.Orleans")
            .AddAspNetCoreInstrumentation()
            .AddRuntimeInstrumentation()
            .AddPrometheusExporter());
        return builder;
    }

    /// <summary>Lets the gateway serve only while there is a cluster behind it, and be ready only then.</summary>
    public static IServiceCollection AddClusterConnection(this IServiceCollection services, ClusterConnection connection)
    {
        services.AddSingleton(connection);
        services.AddHealthChecks().AddCheck<ClusterCheck>("cluster", tags: [ReadyTag]);
        return services;
    }

    /// <summary>Serves health and metrics, and nothing else.</summary>
    public static WebApplication MapFaceSearchStatus(this WebApplication app)
    {
        app.UseSecurityHeaders();
        app.UseMiddleware<ProblemMiddleware>();
        app.UseRouting();
        app.UseAuthentication();
        app.UseAuthorization();
        app.MapHealth();
        app.MapPrometheusScrapingEndpoint("/metrics").RequireAuthorization(RolePolicies.AdminOrThisMachine);
        return app;
    }

    /// <summary>Adds the gateway's middleware and endpoints, at the root of the application.</summary>
    public static WebApplication MapFaceSearchGateway(this WebApplication app)
    {
        app.Use((context, next) =>
        {
            Deadline.Arrived(context);
            return next(context);
        });
        app.UseSecurityHeaders();
        app.UseMiddleware<ProblemMiddleware>();
        if (app.Services.GetService<ClusterConnection>() is { } connection)
            app.UseMiddleware<ClusterGate>(connection);
        app.UseRouting();
        app.UseAuthentication();
        app.UseRateLimiter();
        app.UseAuthorization();
        RouteGroupBuilder api = app.MapGroup(HttpApi.Base);
        api.MapGalleries();
        api.MapClusters();
        api.MapReembedding();
        api.MapIdentities();
        api.MapEnrolment();
        api.MapBulk();
        api.MapIdentify();
        api.MapVerify();
        api.MapDetect();
        api.MapTemplates();
        api.MapModels();
        api.MapTraining();
        api.MapKeys();
        api.MapBackups();
        app.MapHealth();
        app.MapVersion();
        app.MapPrometheusScrapingEndpoint("/metrics").RequireAuthorization(RolePolicies.AdminOrThisMachine);
        app.MapOpenApi("/openapi/{documentName}.json").AllowAnonymous();
        app.MapScalarApiReference("/reference", scalar => scalar
            .WithTitle("FaceSearch API")
            .AddDocument(OpenApiSetup.DocumentName)
            // Nothing on the page may call, or lead a reader's key to, anybody else.
            .DisableDefaultFonts()
            .DisableTelemetry()
            .DisableAgent()
            .DisableMcp()
            .HideDeveloperTools()
            .HideClientButton()).AllowAnonymous();
        app.MapConsole();
        return app;
    }

    /// <summary>Typed results write exactly what <see cref="FaceSearchJson"/> writes.</summary>
    private static void Share(JsonSerializerOptions options)
    {
        JsonSerializerOptions ours = FaceSearchJson.Default.Options;
        options.TypeInfoResolverChain.Insert(0, FaceSearchJson.Default);
        options.DefaultIgnoreCondition = ours.DefaultIgnoreCondition;
        options.NumberHandling = ours.NumberHandling;
        foreach (var converter in ours.Converters)
            options.Converters.Add(converter);
    }
}
