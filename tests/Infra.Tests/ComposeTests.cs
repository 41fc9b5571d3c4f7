using System.Text.Json;
using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;

namespace FaceSearch.Infra.Tests;

/// <summary>compose.yaml and what it mounts. Nothing here starts a container.</summary>
public sealed partial class ComposeTests
{
    private static readonly YamlNode File = Tree.Yaml(Path.Combine(Tree.Compose, "compose.yaml"))[0];
    private static readonly Dictionary<string, YamlNode> Services = File.At("services").Map();

    [Fact]
    public void Every_service_has_what_it_names()
    {
        foreach ((string name, YamlNode service) in Services)
        {
            foreach (string target in Names(service.At("depends_on")))
                Services.ShouldContainKey(target, name);
            foreach (string network in Names(service.At("networks")))
                File.At("networks").Map().ShouldContainKey(network, name);
            foreach (string secret in service.At("secrets").Items().Select(s => s.At("source")?.ToString() ?? s.ToString()))
                File.At("secrets").Map().ShouldContainKey(secret, name);
            foreach (string source in service.At("volumes").Items().Select(v => v.ToString().Split(':')[0]))
            {
                if (source.StartsWith('.'))
                    Exists(source).ShouldBeTrue($"{name} mounts {source}");
                else
                    File.At("volumes").Map().ShouldContainKey(source, name);
            }
            if (service.At("build") is { } build)
                System.IO.File.Exists(Path.Combine(Tree.Compose, build.At("context")!.ToString(), build.At("dockerfile")!.ToString())).ShouldBeTrue(name);
        }
    }

    [Fact]
    public void There_are_three_silos_two_gateways_and_what_they_need_and_all_are_watched()
    {
        Services.Keys.ShouldBe(["schema", "silo-1", "silo-2", "silo-3", "gateway-1", "gateway-2", "proxy", "training", "postgres", "rabbitmq", "prometheus", "grafana"], ignoreOrder: true);
        string[] servers = [.. Services.Keys.Where(s => s.StartsWith("silo-", StringComparison.Ordinal) || s.StartsWith("gateway-", StringComparison.Ordinal))];
        foreach (string server in servers)
        {
            Services[server].At("environment", "Silo__Role")!.ToString().ShouldBe(server.StartsWith("silo", StringComparison.Ordinal) ? "Silo" : "Gateway");
            Services[server].At("depends_on", "schema", "condition")!.ToString().ShouldBe("service_completed_successfully");
        }
        YamlNode prometheus = Tree.Yaml(Path.Combine(Tree.Compose, "prometheus", "prometheus.yml"))[0];
        prometheus.At("scrape_configs").Items().SelectMany(c => c.At("static_configs").Items()).SelectMany(c => c.At("targets").Items()).Select(t => t.ToString())
            .ShouldBe(servers.Select(s => $"{s}:8080"), ignoreOrder: true);
        string proxy = Tree.Read("infra", "compose", "nginx", "default.conf");
        foreach (string gateway in servers.Where(s => s.StartsWith("gateway", StringComparison.Ordinal)))
            proxy.ShouldContain($"server {gateway}:8080");
    }

    [Fact]
    public void Every_service_that_goes_on_has_a_health_check_but_the_worker_that_serves_nothing()
    {
        foreach ((string name, YamlNode service) in Services.Where(s => s.Key is not ("schema" or "training")))
            service.At("healthcheck", "test").ShouldNotBeNull(name);
        Services["schema"].At("command").Items().Select(c => c.ToString()).ShouldBe(["database", "apply"]);
    }

    [Fact]
    public void No_password_is_written_down_no_image_floats_and_nothing_is_published_beyond_loopback()
    {
        foreach ((string name, YamlNode service) in Services)
        {
            string image = service.At("image")!.ToString();
            image.ShouldMatch(@":(\$\{FACESEARCH_TAG:\?[^}]*\}|[\w.-]*\d[\w.-]*)$", name);
            foreach (string port in service.At("ports").Items().Select(p => p.ToString()))
                port.ShouldStartWith("127.0.0.1:", Case.Sensitive, name);
            foreach ((string key, YamlNode value) in service.At("environment").Map().Where(e => e.Key.Contains("PASSWORD", StringComparison.OrdinalIgnoreCase)))
                value.ToString().ShouldStartWith("/run/secrets/", Case.Sensitive, key);
        }
        foreach ((string name, YamlNode secret) in File.At("secrets").Map())
            secret.At("file")!.ToString().ShouldStartWith("./secrets/", Case.Sensitive, name);
    }

    [Fact]
    public void Every_variable_that_compose_asks_for_is_in_the_example()
    {
        string example = Tree.Read("infra", "compose", ".env.example");
        foreach (string file in (string[])["compose.yaml", "compose.azurite.yaml"])
        {
            foreach (Match match in Asked().Matches(Tree.Read("infra", "compose", file)))
                example.ShouldContain($"\n{match.Groups[1].Value}=", Case.Sensitive, file);
        }
    }

    [Fact]
    public void The_Azurite_variant_changes_only_services_that_are_there_and_leaves_PostgreSQL_out()
    {
        YamlNode over = Tree.Yaml(Path.Combine(Tree.Compose, "compose.azurite.yaml"))[0];
        Dictionary<string, YamlNode> changed = over.At("services").Map();
        changed.Keys.Except(Services.Keys).ShouldBe(["azurite"]);
        foreach (string name in Services.Keys.Where(s => s.StartsWith("silo-", StringComparison.Ordinal) || s.StartsWith("gateway-", StringComparison.Ordinal)))
        {
            Names(changed[name].At("depends_on")).ShouldBe(["azurite", "rabbitmq"]);
            changed[name].At("environment", "Storage__Provider")!.ToString().ShouldBe("Azure");
        }
        changed["postgres"].At("profiles").Items().ShouldNotBeEmpty();
    }

    [Fact]
    public void Grafana_finds_the_dashboards_where_they_are_mounted_and_Prometheus_where_it_is()
    {
        string path = Tree.Yaml(Path.Combine(Tree.Compose, "grafana", "dashboards.yml"))[0].At("providers").Items().Single().At("options", "path")!.ToString();
        Services["grafana"].At("volumes").Items().Select(v => v.ToString()).ShouldContain($"../dashboards:{path}:ro");
        string[] dashboards = Directory.GetFiles(Path.Combine(Tree.Infra, "dashboards"), "*.json");
        dashboards.ShouldNotBeEmpty();
        foreach (string dashboard in dashboards)
            JsonDocument.Parse(System.IO.File.ReadAllText(dashboard)).RootElement.GetProperty("panels").GetArrayLength().ShouldBeGreaterThan(0);
        Uri source = new(Tree.Yaml(Path.Combine(Tree.Compose, "grafana", "datasources.yml"))[0].At("datasources").Items().Single().At("url")!.ToString());
        Services.ShouldContainKey(source.Host);
        Names(Services["grafana"].At("networks")).Intersect(Names(Services[source.Host].At("networks"))).ShouldNotBeEmpty();
    }

    [Fact]
    public void Every_metric_of_an_alarm_is_one_that_the_telemetry_document_or_a_dashboard_has()
    {
        string known = Tree.Read("docs", "telemetry.md") + Tree.Read("infra", "dashboards", "facesearch.json");
        string[] metrics = [.. Metrics().Matches(Tree.Read("infra", "compose", "prometheus", "alerts.yml")).Select(m => m.Groups[1].Value).Distinct()];
        metrics.Length.ShouldBeGreaterThan(3);
        foreach (string metric in metrics)
            known.ShouldContain(metric.EndsWith("_bucket", StringComparison.Ordinal) ? metric[..^"_bucket".Length] : metric, Case.Sensitive, metric);
    }

    [Fact]
    public void The_script_makes_every_secret_that_compose_names_and_makes_none_twice()
    {
        Assert.SkipUnless(Tree.Has("openssl"), "Needs openssl: apt-get install openssl.");
        using Scratch scratch = new();
        foreach (string file in (string[])["compose/make-secrets.sh", "compose/.env.example", "scripts/make-cluster-certificates.sh"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(scratch.Folder, file))!);
            System.IO.File.Copy(Path.Combine(Tree.Infra, file), Path.Combine(scratch.Folder, file));
        }
        string folder = Path.Combine(scratch.Folder, "compose");
        Tree.Run("sh", ["make-secrets.sh"], folder).Code.ShouldBe(0);
        YamlNode azurite = Tree.Yaml(Path.Combine(Tree.Compose, "compose.azurite.yaml"))[0];
        foreach (YamlNode secret in File.At("secrets").Map().Values.Concat(azurite.At("secrets").Map().Values))
            new FileInfo(Path.Combine(folder, secret.At("file")!.ToString())).Length.ShouldBeGreaterThan(20);
        System.IO.File.Exists(Path.Combine(folder, ".env")).ShouldBeTrue();
        new FileInfo(Path.Combine(folder, "secrets", "master.key")).Length.ShouldBe(32);
        string first = System.IO.File.ReadAllText(Path.Combine(folder, "secrets", "storage")), key = System.IO.File.ReadAllText(Path.Combine(folder, "secrets", "tls", "silo-1.key"));
        Tree.Run("sh", ["make-secrets.sh"], folder).Code.ShouldBe(0);
        System.IO.File.ReadAllText(Path.Combine(folder, "secrets", "storage")).ShouldBe(first);
        System.IO.File.ReadAllText(Path.Combine(folder, "secrets", "tls", "silo-1.key")).ShouldBe(key);
        if (!OperatingSystem.IsWindows())
            System.IO.File.GetUnixFileMode(Path.Combine(folder, "secrets")).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static bool Exists(string relative) => Path.Exists(Path.Combine(Tree.Compose, relative));

    /// <summary>Keys of a mapping, or items of a list.</summary>
    private static string[] Names(YamlNode? node) => node is YamlMappingNode ? [.. node.Map().Keys] : [.. node.Items().Select(i => i.ToString())];

    [GeneratedRegex(@"(?<!\$)\$\{(\w+)")]
    private static partial Regex Asked();

    [GeneratedRegex(@"\b(facesearch_\w+)")]
    private static partial Regex Metrics();
}
