namespace FaceSearch.EndToEnd.Tests.Cluster;

/// <summary>Silos that find each other through a Redis server; the data is in PostgreSQL.</summary>
[Trait("Category", "Slow")]
public sealed class RedisClusterTests
{
    [Fact]
    public async Task After_kill_9_of_one_of_two_silos_the_other_finds_everything_acknowledged_within_30_seconds_and_nothing_erased()
    {
        await using SiloCluster cluster = await SiloCluster.OnRedisAsync();
        await cluster.AddSiloAsync();
        await cluster.AddSiloAsync();
        (await cluster.QueryAsync("SELECT count(*) FROM facesearch.silos")).ShouldBe(0L, "the membership is elsewhere");
        await KillRun.RunAsync(cluster, killed: 1);
    }

    [Fact]
    public async Task A_silo_whose_redis_refuses_it_does_not_start_and_does_not_say_the_password()
    {
        await using SiloCluster cluster = await SiloCluster.OnRedisAsync();
        InvalidOperationException refused = await Should.ThrowAsync<InvalidOperationException>(() => cluster.AddSiloAsync("--Cluster:ConnectionString="));
        refused.Message.ShouldContain("Cluster:ConnectionString is missing");
        refused = await Should.ThrowAsync<InvalidOperationException>(() => cluster.AddSiloAsync($"--Cluster:ConnectionString=127.0.0.1:{cluster.RedisPort},password=wrong-one,abortConnect=true"));
        refused.Message.ShouldContain("FaceSearch did not start");
        refused.Message.ShouldNotContain("wrong-one");
    }
}
