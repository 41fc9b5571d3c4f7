using System.Net.Http.Json;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Durability;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Tests.Servers;

namespace FaceSearch.EndToEnd.Tests.Cluster;

/// <summary>Silos on one PostgreSQL database (<see cref="AzureClusterTests"/>: on one storage account).</summary>
[Trait("Category", "Slow")]
public sealed class ClusterTests
{
    [Fact]
    public async Task Without_the_schema_a_silo_does_not_start_and_names_the_command_that_makes_it()
    {
        await using SiloCluster cluster = await SiloCluster.OnPostgresAsync();
        InvalidOperationException refused = await Should.ThrowAsync<InvalidOperationException>(() => cluster.AddSiloAsync());
        refused.Message.ShouldContain("FaceSearch did not start");
        refused.Message.ShouldContain("database apply");
        refused.Message.ShouldNotContain(PostgresServer.Password);
        (await cluster.DatabaseAsync("status")).Code.ShouldBe(1);
        (int code, string output) = await cluster.DatabaseAsync("apply");
        code.ShouldBe(0, output);
        output.ShouldContain("applied 001");
        (code, output) = await cluster.DatabaseAsync("apply");
        (code, output.Contains("applied 0", StringComparison.Ordinal)).ShouldBe((0, false));
        (await cluster.DatabaseAsync("status")).Code.ShouldBe(0);
        await cluster.QueryAsync("INSERT INTO facesearch.schema_version VALUES (1000, 'future', 'x')");
        refused = await Should.ThrowAsync<InvalidOperationException>(() => cluster.AddSiloAsync());
        refused.Message.ShouldContain("newer than this program");
    }

    [Fact]
    public async Task After_kill_9_of_one_of_two_silos_with_replicas_the_other_finds_everything_acknowledged_within_30_seconds_and_nothing_erased()
    {
        await using SiloCluster cluster = await SiloCluster.OnPostgresAsync();
        (await cluster.DatabaseAsync("apply")).Code.ShouldBe(0);
        await cluster.AddSiloAsync();
        await cluster.AddSiloAsync();
        (await cluster.QueryAsync("SELECT count(*) FROM facesearch.silos WHERE status = 3")).ShouldBe(2L);
        await KillRun.RunAsync(cluster, killed: 1, replicas: 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Replicas_in_another_process_show_what_was_written_and_hide_what_was_erased_to_whoever_brings_the_token(bool onAzure)
    {
        await using SiloCluster cluster = await (onAzure ? SiloCluster.OnAzureAsync() : SiloCluster.OnPostgresAsync());
        if (!onAzure)
            (await cluster.DatabaseAsync("apply")).Code.ShouldBe(0);
        ServerProcess one = await cluster.AddSiloAsync(), other = await cluster.AddSiloAsync();
        await one.CreateGalleryAsync("copied", new { shards = 2, replicas = 1 });
        await one.WaitAsync(async () => (await AskAsync(one, 0, null)).FromReplicas > 0, TimeSpan.FromMinutes(2));
        int fromReplicas = 0;
        for (int person = 1; person <= 40; person++)
        {
            (ServerProcess writer, ServerProcess reader) = person % 2 == 0 ? (one, other) : (other, one);
            string token = await TokenAsync(writer, HttpMethod.Post, "identities", JsonContent.Create(new { identity = Api.Name(person), embeddings = new[] { Synthetic.Face(person) }, onConflict = "allow" }));
            (string? best, int replicas) = await AskAsync(reader, person, token);
            best.ShouldBe(Api.Name(person));
            token = await TokenAsync(writer, HttpMethod.Delete, $"identities/{Api.Name(person)}", null);
            (string? gone, int again) = await AskAsync(reader, person, token);
            gone.ShouldNotBe(Api.Name(person));
            fromReplicas += replicas + again;
        }
        fromReplicas.ShouldBeGreaterThan(20);

        static async Task<string> TokenAsync(ServerProcess silo, HttpMethod method, string path, HttpContent? body)
        {
            using HttpResponseMessage answer = await silo.TrySendAsync(method, $"/api/v1/galleries/copied/{path}", body);
            string text = await answer.Content.ReadAsStringAsync();
            answer.IsSuccessStatusCode.ShouldBeTrue(text);
            return JsonDocument.Parse(text).RootElement.GetProperty("consistencyToken").GetString().ShouldNotBeNull();
        }

        static async Task<(string? Best, int FromReplicas)> AskAsync(ServerProcess silo, int person, string? token)
        {
            using HttpResponseMessage answer = await silo.TrySendAsync(HttpMethod.Post, "/api/v1/galleries/copied/identify",
                JsonContent.Create(new { embedding = Synthetic.Face(person), consistency = "bounded", consistencyToken = token, timeoutMs = 20_000 }));
            string text = await answer.Content.ReadAsStringAsync();
            answer.IsSuccessStatusCode.ShouldBeTrue(text);
            JsonElement read = JsonDocument.Parse(text).RootElement;
            return (Ledger.Best(read), read.GetProperty("replicasAnswered").GetInt32());
        }
    }
}
