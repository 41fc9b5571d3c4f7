using FaceSearch.Grains.Hosting;
using FaceSearch.Grains.Identities;
using FaceSearch.Grains.Placement;
using Orleans.Configuration;
using Orleans.Runtime.MembershipService.SiloMetadata;

namespace FaceSearch.Silo.Hosting;

/// <summary>Options, logging and the Orleans silo with its storage.</summary>
internal static class SiloHosting
{
    public static SiloOptions AddSiloOptions(this WebApplicationBuilder builder)
    {
        SiloOptions options = new();
        builder.Configuration.GetSection(SiloOptions.Section).Bind(options);
        options.DataFolder = Path.GetFullPath(options.DataFolder);
        options.ModelsFolder = Path.GetFullPath(options.ModelsFolder ?? NotEmpty("FACESEARCH_MODELS") ?? options.EffectiveModelsFolder);
        options.AdminKey ??= NotEmpty("FACESEARCH_ADMIN_KEY");
        builder.Services.AddSingleton(options);
        if (string.IsNullOrEmpty(builder.Configuration["urls"]) && string.IsNullOrEmpty(builder.Configuration["http_ports"]))
            builder.WebHost.UseUrls(options.EffectiveUrl);
        return options;
    }

    public static void AddSiloLogging(this WebApplicationBuilder builder)
    {
        Telemetry.LogFormat.AddConsoleFormat(builder);
        builder.Logging.AddFilter("Orleans", LogLevel.Error);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.Logging.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Error);
        builder.Logging.AddFilter("MassTransit", LogLevel.Warning);
        builder.Logging.AddFilter("Polly", LogLevel.Warning);
    }

    /// <exception cref="ConfigurationException">The settings contradict each other or name what this build does not have.</exception>
    public static void AddOrleansSilo(this WebApplicationBuilder builder, SiloOptions options)
    {
        StorageOptions storage = new();
        Hosting.ClusterOptions cluster = new();
        builder.Configuration.GetSection(StorageOptions.Section).Bind(storage);
        builder.Configuration.GetSection(Hosting.ClusterOptions.Section).Bind(cluster);
        builder.Services.AddSingleton(cluster);
        builder.Services.AddFaceSearchGrains(builder.Configuration);
        builder.UseOrleans(silo =>
        {
            silo.AddCluster(options, storage, cluster);
            silo.UseClusterTls(builder.Configuration, cluster);
            silo.AddStorage(options, storage);
            silo.UseSiloMetadata(SiloTraits.Describe(
                options.Hardware == SiloHardware.Gpu || (options.Hardware == SiloHardware.Detected && options.Provider == Vision.ExecutionProvider.Cuda),
                options.MemoryGiB is { } gib ? (long)(gib * (1L << 30)) : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes));
            if (cluster.Provider != ClusterProvider.Localhost)
                silo.AddOutgoingGrainCallFilter<Gateway.IdempotentCalls>();
            silo.Configure<GrainCollectionOptions>(o =>
            {
                // Identities hold nothing between calls: a bulk enrolment of millions must not keep millions of activations.
                o.CollectionQuantum = TimeSpan.FromSeconds(1);
                o.ClassSpecificCollectionAge[typeof(IdentityGrain).FullName!] = TimeSpan.FromSeconds(2);
            });
            silo.Configure<SiloMessagingOptions>(o => o.MaxEnqueuedRequestsHardLimit = 20_000);
        });
        builder.AddBackups(options);
    }

    private static string? NotEmpty(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;
}
