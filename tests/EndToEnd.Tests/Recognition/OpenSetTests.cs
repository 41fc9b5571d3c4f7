using System.Collections.Concurrent;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Recognition;

/// <summary>
/// A stranger is "unknown": through the HTTP API, on real templates, at three gallery sizes with nothing tuned in between. Which
/// people are strangers is a draw; docs/calibration.md has the distribution over a hundred of them, the seeds here fix two.
/// </summary>
public sealed class OpenSetTests
{
    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(12)]
    [InlineData(13)]
    public async Task With_a_target_FPIR_of_1_percent_half_to_two_percent_of_strangers_match_at_every_size(int seed)
    {
        RealEmbeddings faces = RealEmbeddings.Load();
        await using ServerProcess server = await ServerProcess.StartAsync(SharedData.Models);
        await server.CreateGalleryAsync("people");
        string[] people = [.. faces.People.Distinct()];
        new Random(seed).Shuffle(people);
        HashSet<string> strangers = [.. people[..(people.Length / 2)]];
        string[] members = people[(people.Length / 2)..];
        int[] strangerRows = [.. Enumerable.Range(0, faces.People.Length).Where(r => strangers.Contains(faces.People[r]))];
        int enrolled = 0;
        foreach (int size in new[] { 200, 1000, 2300 })
        {
            await EnrolAsync(server, faces, members[enrolled..size]);
            enrolled = size;
            await server.SendAsync(HttpMethod.Post, "/api/v1/galleries/people/calibrate", null);
            ConcurrentBag<string> decisions = [];
            await Parallel.ForEachAsync(strangerRows, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (row, _) =>
                decisions.Add((await server.IdentifyAsync("people", faces.Row(row))).GetProperty("results")[0].GetProperty("decision").GetString()!));
            double share = decisions.Count(d => d == "match") / (double)decisions.Count;
            TestContext.Current.TestOutputHelper!.WriteLine($"{size} people: {share:P2} of {decisions.Count} strangers' probes are answered match");
            share.ShouldBeInRange(0.005, 0.02, $"at {size} people");
        }
    }

    private static async Task EnrolAsync(ServerProcess server, RealEmbeddings faces, string[] people)
    {
        HashSet<string> wanted = [.. people];
        StringBuilder lines = new();
        for (int row = 0; row < faces.People.Length; row++)
        {
            if (wanted.Remove(faces.People[row]))
                lines.Append(Api.Line(new { operationId = $"first-{row}", identity = faces.People[row], embedding = Api.Base64(faces.Row(row)), onConflict = "allow" }));
        }
        JsonElement summary = await server.BulkAsync("people", lines.ToString());
        summary.GetProperty("enrolled").GetInt64().ShouldBe(people.Length);
    }
}
