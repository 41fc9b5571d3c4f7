using System.Diagnostics;
using FaceSearch.EndToEnd.Tests.Durability;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Cluster;

/// <summary>One of two silos dies under load, whatever the storage that they share.</summary>
internal static class KillRun
{
    /// <summary>Within which everything acknowledged must be found again.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <param name="cluster">Two silos that know each other.</param>
    /// <param name="killed">Which of them is killed.</param>
    /// <param name="replicas">Read replicas of each shard.</param>
    public static async Task RunAsync(SiloCluster cluster, int killed, int replicas = 0)
    {
        ServerProcess[] silos = [.. cluster.Silos];
        await silos[0].CreateGalleryAsync("ledger", new { shards = 4, replicas });
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
            silo.Output.ShouldNotContain(cluster.Secret);
        TestContext.Current.TestOutputHelper!.WriteLine($"silo {killed} killed: {before.Length} people checked through the other {took.TotalSeconds:f1} s later");
    }
}
