using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Durability;

/// <summary>kill -9 in the middle of enrolling and erasing, with a client that keeps a ledger.</summary>
public sealed class KillTests
{
    private enum Outcome
    {
        Unknown,
        Acknowledged,
        Refused,
    }

    [Theory]
    [InlineData(3)]
    [InlineData(25)]
    [Trait("Category", "Slow")]
    public async Task Nothing_acknowledged_is_lost_nothing_erased_returns_nothing_is_doubled(int kills)
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        await server.CreateGalleryAsync("ledger");
        Random random = new(kills);
        ConcurrentDictionary<int, Outcome> enrolled = [], erased = [];
        int next = 0;
        for (int kill = 0; kill < kills; kill++)
        {
            using CancellationTokenSource stop = new();
            Task[] clients = [.. Enumerable.Range(0, 6).Select(_ => Task.Run(() => WorkAsync(server, enrolled, erased, () => Interlocked.Increment(ref next), stop.Token)))];
            int wanted = enrolled.Count + random.Next(20, 200);
            await server.WaitAsync(() => Task.FromResult(enrolled.Count >= wanted), TimeSpan.FromMinutes(1));
            await server.KillAsync();
            await stop.CancelAsync();
            await Task.WhenAll(clients);
            await server.StartAgainAsync();
            await RetryUnknownAsync(server, enrolled, erased);
        }
        await VerifyAsync(server, enrolled, erased);
        TestContext.Current.TestOutputHelper!.WriteLine($"{kills} kills, {enrolled.Count} enrolments, {erased.Count} erasures");
    }

    private static async Task WorkAsync(
        ServerProcess server, ConcurrentDictionary<int, Outcome> enrolled, ConcurrentDictionary<int, Outcome> erased, Func<int> next, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            int person = next();
            enrolled[person] = Outcome.Unknown;
            enrolled[person] = await TryAsync(() => EnrolAsync(server, person));
            if (person % 5 != 0 || enrolled[person] != Outcome.Acknowledged)
                continue;
            erased[person] = Outcome.Unknown;
            erased[person] = await TryAsync(() => EraseAsync(server, person));
        }
    }

    /// <summary>A time-out or a broken connection is an unknown outcome; sending again under the same operation id settles it.</summary>
    private static async Task RetryUnknownAsync(ServerProcess server, ConcurrentDictionary<int, Outcome> enrolled, ConcurrentDictionary<int, Outcome> erased)
    {
        foreach (int person in enrolled.Where(e => e.Value == Outcome.Unknown).Select(e => e.Key))
            enrolled[person] = await TryAsync(() => EnrolAsync(server, person));
        foreach (int person in erased.Where(e => e.Value == Outcome.Unknown).Select(e => e.Key))
            erased[person] = await TryAsync(() => EraseAsync(server, person));
        enrolled.Values.ShouldAllBe(o => o == Outcome.Acknowledged);
        erased.Values.ShouldAllBe(o => o == Outcome.Acknowledged);
    }

    private static async Task VerifyAsync(ServerProcess server, ConcurrentDictionary<int, Outcome> enrolled, ConcurrentDictionary<int, Outcome> erased)
    {
        HashSet<string> expected = [.. enrolled.Keys.Where(p => !erased.ContainsKey(p)).Select(Api.Name)];
        List<string> listed = [];
        string? after = null;
        do
        {
            JsonElement page = await server.GetAsync($"/api/v1/galleries/ledger/identities?limit=1000{(after is null ? "" : "&after=" + after)}");
            foreach (JsonElement identity in page.GetProperty("items").EnumerateArray())
            {
                listed.Add(identity.GetProperty("id").GetString()!);
                identity.GetProperty("templates").GetArrayLength().ShouldBe(1, "a doubled or half-applied enrolment");
            }
            after = page.TryGetProperty("next", out JsonElement more) ? more.GetString() : null;
        }
        while (after is not null);
        listed.Count.ShouldBe(listed.Distinct().Count());
        listed.ShouldBe(expected, ignoreOrder: true);
        foreach (int person in enrolled.Keys.Order().Where(p => p % 3 == 0 || p % 5 == 0))
        {
            JsonElement candidates = (await server.IdentifyAsync("ledger", Synthetic.Face(person))).GetProperty("results")[0].GetProperty("candidates");
            if (erased.ContainsKey(person))
                candidates.EnumerateArray().ShouldAllBe(c => c.GetProperty("identity").GetString() != Api.Name(person));
            else
                candidates[0].GetProperty("identity").GetString().ShouldBe(Api.Name(person));
        }
    }

    private static async Task<HttpStatusCode> EnrolAsync(ServerProcess server, int person)
    {
        using HttpResponseMessage response = await server.TrySendAsync(
            HttpMethod.Post, "/api/v1/galleries/ledger/identities",
            System.Net.Http.Json.JsonContent.Create(new { identity = Api.Name(person), embeddings = new[] { Synthetic.Face(person) }, onConflict = "allow" }), $"enrol-{person}");
        return response.StatusCode;
    }

    private static async Task<HttpStatusCode> EraseAsync(ServerProcess server, int person)
    {
        using HttpResponseMessage response = await server.TrySendAsync(HttpMethod.Delete, $"/api/v1/galleries/ledger/identities/{Api.Name(person)}", null, $"erase-{person}");
        return response.StatusCode;
    }

    private static async Task<Outcome> TryAsync(Func<Task<HttpStatusCode>> request)
    {
        try
        {
            HttpStatusCode status = await request();
            return (int)status is >= 200 and < 300 ? Outcome.Acknowledged : (int)status >= 500 || (int)status == 429 ? Outcome.Unknown : Outcome.Refused;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            return Outcome.Unknown;
        }
    }
}
