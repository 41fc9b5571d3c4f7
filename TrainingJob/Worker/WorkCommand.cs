using System.CommandLine;
using FaceSearch.TrainingJob.Commands;
using FaceSearch.TrainingJob.Training;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Connections.Security;
using Orleans.Messaging;

namespace FaceSearch.TrainingJob.Worker;

/// <summary><c>trainingjob work</c>: takes up training runs of a server, here or on another machine.</summary>
public static class WorkCommand
{
    /// <param name="trainer">What trains.</param>
    public static Command Build(Func<ITrainer> trainer)
    {
        Option<string[]> silo = new("--silo") { Description = "Orleans gateway of a silo (Silo:ClientPort or Cluster:GatewayPort; its banner prints it), host:port; several for a cluster. A name is looked up again and again.", HelpName = "host:port", Required = true };
        Option<string> server = new("--server") { Description = "The server's HTTP address (environment: FACESEARCH_SERVER).", DefaultValueFactory = _ => Variable("FACESEARCH_SERVER") ?? "http://127.0.0.1:8080" };
        Option<string?> key = new("--key") { Description = "An admin key (environment: FACESEARCH_KEY)." };
        Option<string> runs = new("--runs") { Description = "Folder of runs; workers that share it go on with each other's checkpoints.", DefaultValueFactory = _ => "training-runs" };
        Option<string> models = new("--models") { Description = "Folder of models (environment: FACESEARCH_MODELS); what is missing is fetched from the server.", DefaultValueFactory = _ => Variable("FACESEARCH_MODELS") ?? "training-models" };
        Option<string?> name = new("--name") { Description = "This worker's name, for people." };
        Option<bool> once = new("--once") { Description = "End when nothing waits." };
        Option<string> cluster = new("--cluster-id") { Description = "The silos' Cluster:ClusterId.", DefaultValueFactory = _ => "facesearch" }, service = new("--service-id") { Description = "Their Cluster:ServiceId.", DefaultValueFactory = _ => "facesearch" };
        Option<string?> certificate = new("--certificate") { Description = "This worker's certificate, PEM, where the silo has Cluster:Tls.", HelpName = "file" };
        Option<string?> certificateKey = new("--certificate-key") { Description = "Its private key, PEM.", HelpName = "file" };
        Option<string?> authority = new("--authority") { Description = "The cluster's authority, PEM.", HelpName = "file" };
        Command command = new("work", "Take up training runs of a server: train, compare with the model in use, upload, ask for promotion.") { silo, server, key, runs, models, name, once, cluster, service, certificate, certificateKey, authority };
        return command.Runs(async (parse, cancellation) =>
        {
            WorkerOptions options = new()
            {
                Silos = parse.GetRequiredValue(silo),
                Server = new Uri(parse.GetRequiredValue(server)),
                Key = parse.GetValue(key) ?? Variable("FACESEARCH_KEY"),
                RunsFolder = Path.GetFullPath(parse.GetRequiredValue(runs)),
                ModelsFolder = Path.GetFullPath(parse.GetRequiredValue(models)),
                Once = parse.GetValue(once),
                ClusterId = parse.GetRequiredValue(cluster),
                ServiceId = parse.GetRequiredValue(service),
                Tls = new() { Certificate = parse.GetValue(certificate), Key = parse.GetValue(certificateKey), Authority = parse.GetValue(authority) },
            };
            await RunAsync(parse.GetValue(name) is { } named ? options with { Name = named } : options, trainer(), cancellation).ConfigureAwait(false);
        });
    }

    /// <summary>Connects, works, and disconnects.</summary>
    public static async Task RunAsync(WorkerOptions options, ITrainer trainer, CancellationToken cancellation)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.AddSimpleConsole(o =>
        {
            o.SingleLine = true;
            o.TimestampFormat = "HH:mm:ss ";
        });
        builder.Logging.AddFilter("Orleans", LogLevel.Error).AddFilter("Microsoft", LogLevel.Warning);
        using ClusterCertificates? certificates = ClusterCertificates.Load(options.Tls);
        NamedSilos silos = new(options.Silos);
        builder.UseOrleansClient(client => client
            .UseConnectionRetryFilter((_, stop) => RetryAsync(stop))
            .UseClusterTls(certificates)
            .Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (options.ClusterId, options.ServiceId))
            .Configure<GatewayOptions>(o => o.GatewayListRefreshPeriod = silos.MaxStaleness));
        builder.Services.AddSingleton<IGatewayListProvider>(silos);
        builder.Services.AddSingleton(options).AddSingleton(trainer).AddSingleton<TrainingWorker>();
        using IHost host = builder.Build();
        try
        {
            await host.StartAsync(cancellation).ConfigureAwait(false);
            await host.Services.GetRequiredService<TrainingWorker>().RunAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Stopped before it was connected.
        }
        await host.StopAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private static IClientBuilder UseClusterTls(this IClientBuilder client, ClusterCertificates? certificates) => certificates is null
        ? client
        : client.UseTls(certificates.Own, tls =>
        {
            tls.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
            tls.RemoteCertificateValidation = (remote, _, _) => certificates.Accepts(remote);
            tls.OnAuthenticateAsClient = (_, outgoing) => outgoing.TargetHost = "facesearch";
        });

    private static async Task<bool> RetryAsync(CancellationToken stop)
    {
        await Task.Delay(TimeSpan.FromSeconds(1), stop).ConfigureAwait(false);
        return true;
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
