using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Reembedding;

/// <summary>
/// kill -9 at random moments of moves to and fro, while people are enrolled. FACESEARCH_REEMBED_KILLS says how often; docs/reembedding.md
/// has the command for twenty.
/// </summary>
public sealed class KilledMoveTests
{
    private const int People = 30;

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_move_that_was_killed_goes_on_and_ends_in_the_same_state()
    {
        int kills = Move.Setting("FACESEARCH_REEMBED_KILLS", 2);
        using TwoModels models = new();
        await using ServerProcess server = await ServerProcess.StartAsync(models.Folder, "--Reembedding:Grace=00:00:01", "--Reembedding:Page=4");
        await server.CreateGalleryAsync("staff", new { model = TwoModels.First, retention = "crop" });
        string[] pictures = Move.Pictures();
        HashSet<string> enrolled = [];
        for (int i = 0; i < People; i++)
            await EnrolAsync(server, pictures[i], enrolled);
        Random random = new(kills);
        List<string> killedAt = [];
        for (int kill = 0; kill < kills; kill++)
        {
            string to = kill % 2 == 0 ? TwoModels.Second : TwoModels.First;
            await server.StartMoveAsync("staff", to, maxMissingShare: 0.05);
            TimeSpan alive = TimeSpan.FromMilliseconds(random.Next(20, 1500));
            Task<bool> enrolling = TryEnrolAsync(server, pictures[People + kill]);
            await Task.Delay(alive, TestContext.Current.CancellationToken);
            killedAt.Add((await server.GetAsync("/api/v1/galleries/staff/reembedding")).GetProperty("phase").GetString()!);
            await server.KillAsync();
            bool acknowledged = await enrolling;
            await server.StartAgainAsync();
            if (acknowledged)
                (await server.PeopleAsync("staff")).ShouldContain(LiveLoad.Name(pictures[People + kill]));
            // Where the outcome was unknown, asking again under the same operation id settles it, and keeps the image that the kill may have prevented.
            await EnrolAsync(server, pictures[People + kill], enrolled);
            JsonElement status = await server.UntilAsync("staff", "active", TimeSpan.FromMinutes(2));

            (await server.PeopleAsync("staff")).ShouldBe(enrolled, ignoreOrder: true);
            status.GetProperty("failed").GetInt64().ShouldBe(0);
            (await server.GetAsync("/api/v1/galleries/staff/reembedding/missing")).GetProperty("items").GetArrayLength().ShouldBe(0, status.ToString());
            await EveryoneIsFoundAsync(server, pictures.Take(People + kill + 1).Reverse(), to, generation: kill + 2);
            await server.SendAsync(HttpMethod.Post, "/api/v1/galleries/staff/reembedding/retire", null);
            await server.UntilAsync("staff", "done", TimeSpan.FromMinutes(1));
            Directory.GetDirectories(Path.Combine(server.DataFolder, "galleries", "staff"), "g*").Length.ShouldBe(1);
        }
        TestContext.Current.TestOutputHelper!.WriteLine($"{kills} kills while: {string.Join(", ", killedAt.GroupBy(p => p).Select(g => $"{g.Key} {g.Count()}"))}");
    }

    private static async Task EveryoneIsFoundAsync(ServerProcess server, IEnumerable<string> pictures, string model, int generation)
    {
        foreach (string picture in pictures.Where((_, i) => i % 6 == 0))
        {
            JsonElement answer = default;
            // What began under the generation before is answered by it for a moment after the switch.
            await server.WaitAsync(async () =>
            {
                answer = await server.IdentifyImageAsync("staff", picture, "?faces=central&top=1");
                return (answer.GetProperty("model").GetString(), answer.GetProperty("generation").GetInt32()) == (model, generation);
            }, TimeSpan.FromSeconds(30));
            JsonElement candidate = answer.GetProperty("results")[0].GetProperty("candidates")[0];
            candidate.GetProperty("identity").GetString().ShouldBe(LiveLoad.Name(picture));
            candidate.GetProperty("score").GetSingle().ShouldBeGreaterThan(0.95f);
        }
    }

    private static async Task EnrolAsync(ServerProcess server, string picture, HashSet<string> enrolled)
    {
        (await TryEnrolAsync(server, picture)).ShouldBeTrue(server.Output);
        enrolled.Add(LiveLoad.Name(picture));
    }

    private static async Task<bool> TryEnrolAsync(ServerProcess server, string picture)
    {
        try
        {
            using HttpResponseMessage response = await server.TrySendAsync(HttpMethod.Post,
                $"/api/v1/galleries/staff/identities?identity={Uri.EscapeDataString(LiveLoad.Name(picture))}&faces=central&onConflict=allow",
                new ByteArrayContent(await File.ReadAllBytesAsync(picture)), $"enrol-{LiveLoad.Name(picture)}");
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return false;
        }
    }
}
