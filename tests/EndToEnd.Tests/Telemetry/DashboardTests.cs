using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using FaceSearch.EndToEnd.Tests.Durability;
using FaceSearch.EndToEnd.Tests.Messaging;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Messages;

namespace FaceSearch.EndToEnd.Tests.Telemetry;

/// <summary>The metrics of a live server, and the dashboards that show them.</summary>
[Collection(BrokerTests.Name)]
public sealed partial class DashboardTests(RabbitBroker broker)
{
    private const string AdminKey = "a-long-admin-key-for-this-test-only";

    /// <summary>What only exists while something goes wrong, while a re-embedding runs or where there are read replicas: checked by the tests that make it happen.</summary>
    private static readonly string[] Rare =
    [
        "facesearch_messages_faulted_total", "facesearch_messages_publish_failures_total", "facesearch_log_commit_failures_total", "facesearch_rejected_total",
        "facesearch_reembedding_moved", "facesearch_reembedding_total", "facesearch_hedges_total", "facesearch_replica_lsn",
    ];

    [Fact]
    public async Task Every_panel_asks_for_metrics_that_a_live_server_exposes_and_no_label_names_a_person()
    {
        broker.Need();
        using Pictures pictures = new();
        await using EventLog events = await EventLog.StartAsync(broker);
        await using ServerProcess server = await ServerProcess.StartAsync(null, [.. broker.Options, pictures.Root, "--Shards:SnapshotAfterChanges=1", "--Shards:SnapshotAfterShare=0"]);
        await server.CreateGalleryAsync("seen");
        for (int person = 0; person < 3; person++)
            await server.EnrolAsync("seen", Api.Name(person), Synthetic.Face(person));
        await server.EnrolImageAsync("seen", "pictured-person", new Uri(pictures.Make(1)).LocalPath);
        await server.IdentifyImageAsync("seen", new Uri(pictures.Make(1)).LocalPath);
        (await server.TrySendAsync(HttpMethod.Get, "/api/v1/galleries/nowhere", null)).Dispose();
        await server.SendAsync(HttpMethod.Post, "/api/v1/training/runs", JsonContent.Create(new { folder = "faces" }));
        await events.SendAsync([new EnrolFace("op", "seen", "told-person", null, pictures.Make(2), OnConflict: ConflictPolicy.Allow)]);
        await events.WaitAsync<EnrolmentFinished>(e => e.Count == 1, server.Output);
        HashSet<string> exposed = [];
        string text = "";
        string[] wanted = [.. Expressions().SelectMany(Metrics).Except(Rare).Distinct()];
        wanted.Length.ShouldBeGreaterThan(25);
        await server.WaitAsync(async () =>
        {
            text = await server.Http.GetStringAsync("/metrics");
            exposed = [.. text.Split('\n').Where(l => l.Length > 0 && l[0] != '#').Select(l => l[..l.IndexOfAny(['{', ' '])])];
            return wanted.All(exposed.Contains);
        }, TimeSpan.FromSeconds(20)).ContinueWith(_ => { }, TaskScheduler.Default);
        wanted.Where(m => !exposed.Contains(m)).ShouldBeEmpty(string.Join('\n', exposed.Order()));
        foreach (string secret in new[] { "pictured-person", "told-person", Api.Name(0), "picture-" })
            text.ShouldNotContain(secret);
    }

    [Fact]
    public void The_rare_metrics_are_made_somewhere()
    {
        string source = string.Concat(new[] { "Grains/Telemetry", "Silo/Messaging" }.SelectMany(f => Directory.EnumerateFiles(Path.Combine(Repository.Root, f), "*.cs")).Select(File.ReadAllText));
        foreach (string metric in Rare)
        {
            string instrument = metric.Replace("_total", metric == "facesearch_reembedding_total" ? ".total" : "", StringComparison.Ordinal);
            source.Replace('.', '_').ShouldContain($"\"{instrument.Replace('.', '_')}\"", Case.Sensitive, metric);
        }
    }

    [Fact]
    public async Task The_actors_dashboard_is_there_when_asked_for_and_for_admins_alone()
    {
        await using ServerProcess server = await ServerProcess.StartAsync(null, "--Silo:Dashboard=true", $"--Silo:AdminKey={AdminKey}", "--Silo:LogFormat=json");
        using HttpResponseMessage anonymous = await server.TrySendAsync(HttpMethod.Get, "/dashboard/", null);
        anonymous.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        using HttpResponseMessage counters = await server.TrySendAsync(HttpMethod.Get, "/dashboard/DashboardCounters", null);
        counters.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        server.Http.DefaultRequestHeaders.Add("X-Api-Key", AdminKey);
        (await server.Http.GetStringAsync("/dashboard/", TestContext.Current.CancellationToken)).ShouldContain("<html", Case.Insensitive);
        JsonElement numbers = await server.GetAsync("/dashboard/DashboardCounters");
        numbers.ValueKind.ShouldBe(JsonValueKind.Object);
        JsonElement key = await server.SendAsync(HttpMethod.Post, "/api/v1/keys", JsonContent.Create(new { name = "door", role = "enrol" }));
        server.Http.DefaultRequestHeaders.Remove("X-Api-Key");
        server.Http.DefaultRequestHeaders.Add("X-Api-Key", key.GetProperty("key").GetString());
        using HttpResponseMessage forbidden = await server.TrySendAsync(HttpMethod.Get, "/dashboard/", null);
        forbidden.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        string[] lines = [.. server.Output.Split('\n').Where(l => l.StartsWith('{'))];
        lines.ShouldNotBeEmpty();
        foreach (string line in lines)
            JsonDocument.Parse(line).RootElement.GetProperty("LogLevel").GetString().ShouldNotBeNull();
    }

    [Fact]
    public async Task Without_being_asked_for_there_is_no_dashboard()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        using HttpResponseMessage none = await server.TrySendAsync(HttpMethod.Get, "/dashboard/", null);
        none.StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    private static List<string> Expressions()
    {
        using JsonDocument dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, "infra", "dashboards", "facesearch.json")));
        List<string> expressions = [];
        foreach (JsonElement panel in dashboard.RootElement.GetProperty("panels").EnumerateArray().Where(p => p.GetProperty("type").GetString() != "row"))
        {
            JsonElement targets = panel.GetProperty("targets");
            targets.GetArrayLength().ShouldBeGreaterThan(0, panel.GetProperty("title").GetString());
            expressions.AddRange(targets.EnumerateArray().Select(t => t.GetProperty("expr").GetString()!));
        }
        return expressions;
    }

    /// <summary>Names that stand before a selector, a range or an operator, and are no function, keyword or label.</summary>
    private static IEnumerable<string> Metrics(string expression)
    {
        string bare = Groupings().Replace(Selectors().Replace(expression, ""), "");
        string[] found = [.. Names().Matches(bare).Select(m => m.Value)];
        found.ShouldNotBeEmpty(expression);
        return found;
    }

    [GeneratedRegex(@"\{[^}]*\}|\[[^\]]*\]|""[^""]*""")]
    private static partial Regex Selectors();

    [GeneratedRegex(@"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")]
    private static partial Regex Groupings();

    [GeneratedRegex(@"\b[a-z][a-z0-9]*_[a-z0-9_]+\b(?!\s*\()")]
    private static partial Regex Names();
}
