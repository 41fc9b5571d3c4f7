using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
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
        Best(await silos[1].IdentifyAsync("ledger", Synthetic.Face(900_000))).ShouldBe(Api.Name(900_000));

        Ledger ledger = new();
        using CancellationTokenSource stop = new();
        Task[] clients = [.. Enumerable.Range(0, 6).Select(c => Task.Run(() => ledger.WorkAsync(silos[c % 2], silos[1 - killed], stop.Token)))];
        await silos[1 - killed].WaitAsync(() => Task.FromResult(ledger.Acknowledged >= 250), TimeSpan.FromMinutes(2));
        ServerProcess survivor = silos[1 - killed];
        (int Person, bool Erased)[] before = ledger.Settled();
        Stopwatch since = Stopwatch.StartNew();
        await silos[killed].KillAsync();
        foreach ((int person, bool erased) in before)
            await FindAsync(survivor, person, erased, since);
        TimeSpan took = since.Elapsed;
        took.ShouldBeLessThan(Limit);
        await stop.CancelAsync();
        await Task.WhenAll(clients);

        await ledger.SettleAsync(survivor);
        foreach ((int person, bool erased) in ledger.Settled())
            await FindAsync(survivor, person, erased, Stopwatch.StartNew());
        await silos[killed].StartAgainAsync();
        foreach ((int person, bool erased) in ledger.Settled().Take(40))
            await FindAsync(silos[killed], person, erased, Stopwatch.StartNew());
        foreach (ServerProcess silo in silos)
            silo.Output.ShouldNotContain(PostgresServer.Password);
        TestContext.Current.TestOutputHelper!.WriteLine($"silo {killed} killed: {before.Length} people checked through the other {took.TotalSeconds:f1} s later");
    }

    private static string? Best(JsonElement answer) =>
        answer.GetProperty("results")[0].GetProperty("candidates") is var candidates && candidates.GetArrayLength() > 0 ? candidates[0].GetProperty("identity").GetString() : null;

    /// <summary>Asks until there is an answer; the answer must be right the first time there is one.</summary>
    private static async Task FindAsync(ServerProcess server, int person, bool erased, Stopwatch since)
    {
        while (true)
        {
            using HttpResponseMessage response = await server.TrySendAsync(HttpMethod.Post, "/api/v1/galleries/ledger/identify", JsonContent.Create(new { embedding = Synthetic.Face(person), top = 5 }));
            string body = await response.Content.ReadAsStringAsync();
            if (response.IsSuccessStatusCode)
            {
                string? best = Best(JsonDocument.Parse(body).RootElement);
                if (erased)
                    best.ShouldNotBe(Api.Name(person), "it was erased");
                else
                    best.ShouldBe(Api.Name(person), "it was acknowledged");
                return;
            }
            since.Elapsed.ShouldBeLessThan(Limit, $"{(int)response.StatusCode} {body}\n{server.Output}");
            await Task.Delay(100);
        }
    }

    /// <summary>What clients were told.</summary>
    private sealed class Ledger
    {
        private const int EraseEvery = 5;
        private readonly ConcurrentDictionary<int, bool> _enrolled = [], _erased = []; // person -> acknowledged
        private int _next;

        public int Acknowledged => _enrolled.Count(e => e.Value);

        /// <summary>People whose last operation was acknowledged, and whether that was an erasure.</summary>
        public (int Person, bool Erased)[] Settled() =>
            [.. _enrolled.Where(e => e.Value && (e.Key % EraseEvery != 0 || _erased.GetValueOrDefault(e.Key))).Select(e => (e.Key, e.Key % EraseEvery == 0)).OrderBy(e => e.Key)];

        public async Task WorkAsync(ServerProcess mine, ServerProcess survivor, CancellationToken stop)
        {
            while (!stop.IsCancellationRequested)
            {
                int person = Interlocked.Increment(ref _next);
                _enrolled[person] = false;
                HttpStatusCode? status = await TryAsync(mine, person, erase: false);
                _enrolled[person] = status is HttpStatusCode.Created or HttpStatusCode.OK;
                if (_enrolled[person] && person % EraseEvery == 0)
                {
                    _erased[person] = false;
                    _erased[person] = await TryAsync(mine, person, erase: true) is HttpStatusCode.OK or HttpStatusCode.NoContent;
                }
                if (status is null)
                    mine = survivor;
            }
        }

        /// <summary>Sends again, under the same operation ids, what has no answer.</summary>
        public async Task SettleAsync(ServerProcess survivor)
        {
            foreach (int person in _enrolled.Where(e => !e.Value).Select(e => e.Key))
            {
                await UntilAsync(survivor, person, erase: false);
                _enrolled[person] = true;
            }
            foreach (int person in _enrolled.Keys.Where(p => p % EraseEvery == 0 && !_erased.GetValueOrDefault(p)))
            {
                await UntilAsync(survivor, person, erase: true);
                _erased[person] = true;
            }
        }

        private static async Task UntilAsync(ServerProcess server, int person, bool erase)
        {
            Stopwatch since = Stopwatch.StartNew();
            while (await TryAsync(server, person, erase) is var status && status is not (HttpStatusCode.OK or HttpStatusCode.Created or HttpStatusCode.NoContent))
            {
                since.Elapsed.ShouldBeLessThan(Limit, $"person {person}: {status}");
                await Task.Delay(100);
            }
        }

        /// <summary>Null: no answer.</summary>
        private static async Task<HttpStatusCode?> TryAsync(ServerProcess server, int person, bool erase)
        {
            try
            {
                using HttpResponseMessage response = erase
                    ? await server.TrySendAsync(HttpMethod.Delete, $"/api/v1/galleries/ledger/identities/{Api.Name(person)}", null, $"erase-{person}")
                    : await server.TrySendAsync(HttpMethod.Post, "/api/v1/galleries/ledger/identities",
                        JsonContent.Create(new { identity = Api.Name(person), embeddings = new[] { Synthetic.Face(person) }, onConflict = "allow" }), $"enrol-{person}");
                return response.StatusCode;
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                return null;
            }
        }
    }
}
