using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Durability;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Cluster;

/// <summary>What clients were told.</summary>
internal sealed class Ledger
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
            since.Elapsed.ShouldBeLessThan(KillRun.Limit, $"person {person}: {status}");
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

    public static string? Best(JsonElement answer) =>
        answer.GetProperty("results")[0].GetProperty("candidates") is var candidates && candidates.GetArrayLength() > 0 ? candidates[0].GetProperty("identity").GetString() : null;

    /// <summary>Asks until there is an answer; the answer must be right the first time there is one.</summary>
    public static async Task FindAsync(ServerProcess server, int person, bool erased, Stopwatch since)
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
            since.Elapsed.ShouldBeLessThan(KillRun.Limit, $"{(int)response.StatusCode} {body}\n{server.Output}");
            await Task.Delay(100);
        }
    }
}
