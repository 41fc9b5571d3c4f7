using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Durability;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Cluster;

/// <summary>Stopping in good order.</summary>
[Trait("Category", "Slow")]
public sealed class RollingRestartTests
{
    private const int Known = 60;

    private readonly ConcurrentDictionary<int, bool> _enrolled = [];
    private readonly ConcurrentBag<string> _unclean = [];
    private int _right, _refused, _next = Known;

    [Fact]
    public async Task Silos_restarted_one_after_another_under_load_give_no_wrong_answer_and_fail_only_with_a_503_that_says_when_to_come_again()
    {
        await using SiloCluster cluster = await SiloCluster.OnPostgresAsync();
        (await cluster.DatabaseAsync("apply")).Code.ShouldBe(0);
        ServerProcess[] silos = [await cluster.AddSiloAsync("--Silo:Role=Silo"), await cluster.AddSiloAsync("--Silo:Role=Silo")];
        ServerProcess gateway = await cluster.AddGatewayAsync();
        await gateway.CreateGalleryAsync("rolling", new { shards = 4 });
        for (int person = 0; person < Known; person++)
            await gateway.EnrolAsync("rolling", Api.Name(person), Synthetic.Face(person));
        using CancellationTokenSource stop = new();
        Task[] clients = [.. Enumerable.Range(0, 4).Select(c => Task.Run(() => c % 2 == 0 ? AskAsync(gateway, c, stop.Token) : EnrolAsync(gateway, stop.Token)))];
        foreach (ServerProcess silo in silos)
        {
            await MoreAsync(gateway, 20);
            (await silo.StopAsync()).ShouldBe(0, silo.Output);
            await MoreAsync(gateway, 20);
            await silo.StartAgainAsync();
        }
        await MoreAsync(gateway, 20);
        await stop.CancelAsync();
        await Task.WhenAll(clients);
        TestContext.Current.TestOutputHelper!.WriteLine($"{_right} right answers, {_enrolled.Count(e => e.Value)} enrolments, {_refused} clean 503");
        _unclean.ShouldBeEmpty();
        foreach (int person in _enrolled.Where(e => e.Value).Select(e => e.Key).Order())
        {
            // Shards may still move back to the silo that came last.
            JsonElement answer = await gateway.SendAsync(HttpMethod.Post, "/api/v1/galleries/rolling/identify", JsonContent.Create(new { embedding = Synthetic.Face(person), top = 3, timeoutMs = 20_000 }));
            Ledger.Best(answer).ShouldBe(Api.Name(person));
        }
    }

    [Fact]
    public async Task A_gateway_that_is_told_to_stop_is_not_ready_at_once_and_serves_until_that_has_been_seen()
    {
        await using SiloCluster cluster = await SiloCluster.OnPostgresAsync();
        (await cluster.DatabaseAsync("apply")).Code.ShouldBe(0);
        await cluster.AddSiloAsync("--Silo:Role=Silo");
        ServerProcess gateway = await cluster.AddGatewayAsync("--Silo:DrainDelay=0:00:05");
        await gateway.CreateGalleryAsync("drained");
        await gateway.EnrolAsync("drained", Api.Name(1), Synthetic.Face(1));
        Task<int> stopping = gateway.StopAsync();
        await gateway.WaitAsync(async () => (await gateway.Http.GetAsync("/health/ready")).StatusCode == HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(4));
        Ledger.Best(await gateway.IdentifyAsync("drained", Synthetic.Face(1))).ShouldBe(Api.Name(1));
        (await stopping).ShouldBe(0, gateway.Output);
    }

    /// <summary>Waits for further right answers.</summary>
    private async Task MoreAsync(ServerProcess gateway, int count)
    {
        int goal = Volatile.Read(ref _right) + count;
        await gateway.WaitAsync(() => Task.FromResult(Volatile.Read(ref _right) >= goal), TimeSpan.FromMinutes(2));
    }

    private async Task AskAsync(ServerProcess gateway, int seed, CancellationToken stop)
    {
        for (int i = seed; !stop.IsCancellationRequested; i++)
        {
            using HttpResponseMessage response = await gateway.TrySendAsync(HttpMethod.Post, "/api/v1/galleries/rolling/identify",
                JsonContent.Create(new { embedding = Synthetic.Face(i % Known), top = 3, timeoutMs = 20_000 }));
            string body = await response.Content.ReadAsStringAsync(CancellationToken.None);
            if (!response.IsSuccessStatusCode)
            {
                Refused(response, body);
                continue;
            }
            JsonElement answer = JsonDocument.Parse(body).RootElement;
            if (Ledger.Best(answer) == Api.Name(i % Known) && answer.GetProperty("shardsAnswered").GetInt32() == 4)
                Interlocked.Increment(ref _right);
            else
                _unclean.Add($"wrong: {body}");
        }
    }

    private async Task EnrolAsync(ServerProcess gateway, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            int person = Interlocked.Increment(ref _next);
            using HttpResponseMessage response = await gateway.TrySendAsync(HttpMethod.Post, "/api/v1/galleries/rolling/identities",
                JsonContent.Create(new { identity = Api.Name(person), embeddings = new[] { Synthetic.Face(person) }, onConflict = "allow" }), $"enrol-{person}");
            _enrolled[person] = response.IsSuccessStatusCode;
            if (!response.IsSuccessStatusCode)
                Refused(response, await response.Content.ReadAsStringAsync(CancellationToken.None));
        }
    }

    private void Refused(HttpResponseMessage response, string body)
    {
        Interlocked.Increment(ref _refused);
        if (response.StatusCode != HttpStatusCode.ServiceUnavailable || response.Headers.RetryAfter is null)
            _unclean.Add($"{(int)response.StatusCode} {body}");
    }
}
