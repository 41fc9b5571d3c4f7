using FaceSearch.Tests.Servers;

namespace FaceSearch.EndToEnd.Tests.Cluster;

/// <summary>Silos on one PostgreSQL database.</summary>
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

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task After_kill_9_of_one_of_two_silos_the_other_finds_everything_acknowledged_within_30_seconds_and_nothing_erased(int killed)
    {
        await using SiloCluster cluster = await SiloCluster.OnPostgresAsync();
        (await cluster.DatabaseAsync("apply")).Code.ShouldBe(0);
        await cluster.AddSiloAsync();
        await cluster.AddSiloAsync();
        (await cluster.QueryAsync("SELECT count(*) FROM facesearch.silos WHERE status = 3")).ShouldBe(2L);
        await KillRun.RunAsync(cluster, killed);
    }
}
