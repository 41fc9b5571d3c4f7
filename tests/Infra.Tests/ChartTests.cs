using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;

namespace FaceSearch.Infra.Tests;

/// <summary>The Helm chart: rendered where helm is installed, and by its structure everywhere.</summary>
public sealed partial class ChartTests
{
    private static readonly YamlNode Values = Tree.Yaml(Path.Combine(Tree.Chart, "values.yaml"))[0];

    private static string[] Templates => Directory.GetFiles(Path.Combine(Tree.Chart, "templates"));

    public static TheoryData<string> Names => [.. Templates.Select(t => Path.GetFileName(t))];

    [Theory, MemberData(nameof(Names))]
    public void A_template_closes_what_it_opens_and_includes_what_is_defined(string name)
    {
        string text = File.ReadAllText(Path.Combine(Tree.Chart, "templates", name));
        Regex.Count(text, @"\{\{").ShouldBe(Regex.Count(text, @"\}\}"));
        int depth = 0;
        foreach (Match action in Actions().Matches(text))
        {
            if (action.Groups[1].Value is "if" or "range" or "with" or "define")
                depth++;
            else if (action.Groups[1].Value == "end")
                depth--;
            depth.ShouldBeGreaterThanOrEqualTo(0);
        }
        depth.ShouldBe(0);
        string helpers = File.ReadAllText(Path.Combine(Tree.Chart, "templates", "_helpers.tpl"));
        foreach (Match include in Includes().Matches(text))
            helpers.ShouldContain($"define \"{include.Groups[1].Value}\"");
    }

    [Fact]
    public void Every_value_that_a_template_asks_for_is_documented_and_every_documented_one_is_asked_for()
    {
        HashSet<string> asked = [.. Templates.SelectMany(t => Asked().Matches(File.ReadAllText(t))).Select(m => m.Groups[1].Value)];
        foreach (string path in asked)
            Values.At(path.Split('.')).ShouldNotBeNull(path);
        foreach (string leaf in Leaves("", Values))
            asked.ShouldContain(a => a == leaf || leaf.StartsWith(a + ".", StringComparison.Ordinal), leaf);
    }

    [Fact]
    public void Silos_are_drained_probed_spread_and_never_down_together()
    {
        string silo = File.ReadAllText(Path.Combine(Tree.Chart, "templates", "silo.yaml")), gateway = File.ReadAllText(Path.Combine(Tree.Chart, "templates", "gateway.yaml"));
        foreach (string part in (string[])["kind: StatefulSet", "kind: PodDisruptionBudget", "podAntiAffinity:", "preStop:", "terminationGracePeriodSeconds:", "facesearch.probes", "status.podIP"])
            silo.ShouldContain(part);
        foreach (string part in (string[])["kind: Deployment", "kind: PodDisruptionBudget", "kind: HorizontalPodAutoscaler", "facesearch.probes"])
            gateway.ShouldContain(part);
        string helpers = File.ReadAllText(Path.Combine(Tree.Chart, "templates", "_helpers.tpl"));
        foreach (string probe in (string[])["startupProbe:", "livenessProbe:", "readinessProbe:", "path: /health/live", "path: /health/ready"])
            helpers.ShouldContain(probe);
        // 5 s of preStop and the 30 s that the host gives requests in flight must fit.
        int.Parse(Values.At("silo", "terminationGracePeriodSeconds")!.ToString(), System.Globalization.CultureInfo.InvariantCulture).ShouldBeGreaterThan(5 + 30 + 15);
        File.ReadAllText(Path.Combine(Tree.Chart, "templates", "schema-job.yaml")).ShouldContain("helm.sh/hook: pre-install,pre-upgrade");
    }

    [Fact]
    public void No_secret_has_a_default()
    {
        foreach ((string key, YamlNode value) in Values.At("secrets").Map().Where(v => v.Key != "create"))
            value.ToString().ShouldBeEmpty(key);
    }

    [Fact]
    public void Helm_renders_documents_that_parse_with_everything_off_and_everything_on()
    {
        Assert.SkipUnless(Tree.Has("helm"), "Needs helm, which Debian does not package.");
        foreach (string[] set in (string[][])[["secrets.existing=s"], ["secrets.create=true,secrets.storageConnectionString=c,secrets.adminKey=k,secrets.messagingPassword=p,secrets.masterKey=AAAA,clusterTls.secretName=t,silo.gpu.enabled=true,gateway.autoscaling.enabled=true,gateway.ingress.enabled=true,models.existingClaim=m,serviceMonitor.enabled=true"]])
        {
            (int code, string output) = Tree.Run("helm", ["template", "facesearch", Tree.Chart, "--set", set[0]]);
            code.ShouldBe(0, output);
            Tree.ParseYaml(output).Count.ShouldBeGreaterThan(8);
        }
    }

    private static IEnumerable<string> Leaves(string path, YamlNode node) => node is YamlMappingNode { Children.Count: > 0 }
        ? node.Map().SelectMany(e => Leaves(path.Length == 0 ? e.Key : $"{path}.{e.Key}", e.Value))
        : [path];

    [GeneratedRegex(@"\{\{-?\s*(if|range|with|define|end|else)\b")]
    private static partial Regex Actions();

    [GeneratedRegex("include \"([\\w.]+)\"")]
    private static partial Regex Includes();

    [GeneratedRegex(@"\.Values\.([A-Za-z0-9]+(?:\.[A-Za-z0-9]+)*)")]
    private static partial Regex Asked();
}
