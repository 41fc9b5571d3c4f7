using System.Diagnostics;
using FaceSearch.EndToEnd.Tests.Durability;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Tests.Servers;

namespace FaceSearch.EndToEnd.Tests.Cluster;

/// <summary>Silos on one PostgreSQL database.</summary>
[Trait("Category", "Slow")]
public sealed class ClusterTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Without_the_schema_a_silo_does_not_start_and_names_the_command_that_makes_it()
    {
        await using SiloCluster cluster = await SiloCluster.StartAsync();
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
        await using SiloCluster cluster = await SiloCluster.StartAsync();
        (await cluster.DatabaseAsync("apply")).Code.ShouldBe(0);
        ServerProcess[] silos = [await cluster.AddSiloAsync(), await cluster.AddSiloAsync()];
        (await cluster.QueryAsync("SELECT count(*) FROM facesearch.silos WHERE status = 3")).ShouldBe(2L);
        await silos[0].CreateGalleryAsync("ledger", new { shards = 4 });
        await silos[0].EnrolAsync("ledger", Api.Name(900_000), Synthetic.Face(900_000));
        Ledger.Best(await silos[1].IdentifyAsync("ledger", Synthetic.Face(900_000))).ShouldBe(Api.Name(900_000));

        Ledger ledger = new();
        using CancellationTokenSource stop = new();
        Task[] clients = [.. Enumerable.Range(0, 6).Select(c => Task.Run(() => ledger.WorkAsync(silos[c % 2], silos[1 - killed], stop.Token)))];
        await silos[1 - killed].WaitAsync(() => Task.FromResult(ledger.Acknowledged >= 250), TimeSpan.FromMinutes(2));
        ServerProcess survivor = silos[1 - killed];
        (int Person, bool Erased)[] before = ledger.Settled();
        Stopwatch since = Stopwatch.StartNew();
        await silos[killed].KillAsync();
        foreach ((int person, bool erased) in before)
            await Ledger.FindAsync(survivor, person, erased, since);
        TimeSpan took = since.Elapsed;
        took.ShouldBeLessThan(Limit);
        await stop.CancelAsync();
        await Task.WhenAll(clients);

        await ledger.SettleAsync(survivor);
        foreach ((int person, bool erased) in ledger.Settled())
            await Ledger.FindAsync(survivor, person, erased, Stopwatch.StartNew());
        await silos[killed].StartAgainAsync();
        foreach ((int person, bool erased) in ledger.Settled().Take(40))
            await Ledger.FindAsync(silos[killed], person, erased, Stopwatch.StartNew());
        foreach (ServerProcess silo in silos)
            silo.Output.ShouldNotContain(PostgresServer.Password);
        TestContext.Current.TestOutputHelper!.WriteLine($"silo {killed} killed: {before.Length} people checked through the other {took.TotalSeconds:f1} s later");
    }
}
