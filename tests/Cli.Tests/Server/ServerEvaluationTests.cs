using System.Text.Json;

namespace FaceSearch.Cli.Tests.Server;

/// <summary>The same evaluation through a server and in this process: the figures must be those of one system.</summary>
[Collection(SiloTests.Name)]
public sealed class ServerEvaluationTests(SiloFixture silo)
{
    [Theory]
    [InlineData("images")]
    [InlineData("templates")]
    public async Task Closed_set_through_http_agrees_with_exact_search_here_and_leaves_no_gallery(string send)
    {
        using TemporaryFolder folder = new();
        string faces = RealFaces.LinkSome(folder, people: 10, imagesEach: 3);

        Ran http = await silo.RunAsync(ExitCodes.Ok, "evaluate", "identify", faces, "--send", send, "-g", $"cli-evaluate-{send}", "--json");
        Ran local = await Cli.RunWithAsync(RealFaces.Models(), "evaluate", "identify", faces, "--local", "--json");
        Ran galleries = await silo.RunAsync(ExitCodes.Ok, "galleries", "list", "--json");

        http.Json.GetProperty("mode").GetString().ShouldBe("http");
        http.Json.GetProperty("rank1").GetDouble().ShouldBe(local.Json.GetProperty("rank1").GetDouble());
        TpirThresholds(http).Zip(TpirThresholds(local)).ShouldAllBe(pair => Math.Abs(pair.First - pair.Second) < 1e-3);
        galleries.Json.GetProperty("items").EnumerateArray().Select(gallery => gallery.GetProperty("id").GetString()).ShouldNotContain($"cli-evaluate-{send}");
    }

    [Fact]
    public async Task Open_set_through_http_counts_strangers()
    {
        using TemporaryFolder folder = new();
        string faces = RealFaces.LinkSome(folder, people: 12, imagesEach: 2);

        Ran ran = await silo.RunAsync(ExitCodes.Ok, "evaluate", "strangers", faces, "--sizes", "3", "6", "--send", "templates", "--json");

        JsonElement[] steps = [.. ran.Json.GetProperty("steps").EnumerateArray()];
        steps.Select(step => step.GetProperty("people").GetInt32()).ShouldBe([3, 6]);
        steps[1].GetProperty("strangerProbes").GetInt32().ShouldBe(12);
        steps[1].GetProperty("matedProbes").GetInt32().ShouldBe(6);
    }

    private static double[] TpirThresholds(Ran ran) =>
        [.. ran.Json.GetProperty("tpirAtFpir").EnumerateArray().Select(point => point.GetProperty("threshold").GetDouble())];
}
