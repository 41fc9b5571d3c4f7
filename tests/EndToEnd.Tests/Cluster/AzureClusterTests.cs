using Azure.Data.Tables;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Cluster;

/// <summary>Silos on one Azure storage account, played by Azurite.</summary>
[Trait("Category", "Slow")]
public sealed class AzureClusterTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task After_kill_9_of_one_of_two_silos_with_replicas_the_other_finds_everything_acknowledged_within_30_seconds_and_nothing_erased(int killed)
    {
        await using SiloCluster cluster = await SiloCluster.OnAzureAsync();
        await cluster.AddSiloAsync();
        ServerProcess second = await cluster.AddSiloAsync();
        (await ActiveSilosAsync(cluster)).ShouldBe(2);
        using HttpResponseMessage ready = await second.TrySendAsync(HttpMethod.Get, "/health/ready", null);
        (await ready.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldContain("Azure storage http://127.0.0.1:");
        await KillRun.RunAsync(cluster, killed, replicas: 1);
    }

    [Fact]
    public async Task A_silo_whose_account_refuses_it_or_is_not_there_does_not_start_and_says_so_without_the_key()
    {
        await using SiloCluster cluster = await SiloCluster.OnAzureAsync();
        string other = Convert.ToBase64String(new byte[64]);
        InvalidOperationException refused = await Should.ThrowAsync<InvalidOperationException>(() =>
            cluster.AddSiloAsync($"--Storage:ConnectionString={cluster.ConnectionString.Replace(cluster.Secret, other, StringComparison.Ordinal)}"));
        refused.Message.ShouldContain("FaceSearch did not start");
        refused.Message.ShouldContain("Storage:ConnectionString");
        refused.Message.ShouldNotContain(other);
        refused = await Should.ThrowAsync<InvalidOperationException>(() => cluster.AddSiloAsync("--Storage:ConnectionString="));
        refused.Message.ShouldContain("Storage:BlobEndpoint");
        refused = await Should.ThrowAsync<InvalidOperationException>(() => cluster.AddSiloAsync("--Storage:ConnectionString=AccountName=a;AccountKey=secret"));
        refused.Message.ShouldContain("is no connection string");
        refused.Message.ShouldNotContain("secret");
        refused = await Should.ThrowAsync<InvalidOperationException>(() => cluster.AddSiloAsync("--Silo:RetentionKeyFile=none.key"));
        refused.Message.ShouldContain("Silo:RetentionKeyFile");
    }

    private static async Task<int> ActiveSilosAsync(SiloCluster cluster)
    {
        int active = 0;
        await foreach (TableEntity row in new TableClient(cluster.ConnectionString, "OrleansSiloInstances").QueryAsync<TableEntity>(r => r.PartitionKey == "facesearch", cancellationToken: TestContext.Current.CancellationToken))
            active += row.GetString("Status") == "Active" ? 1 : 0;
        return active;
    }
}
