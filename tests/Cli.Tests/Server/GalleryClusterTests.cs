using System.Text.Json;

namespace FaceSearch.Cli.Tests.Server;

/// <summary><c>facesearch galleries cluster</c> against a real server.</summary>
[Collection(SiloTests.Name)]
public sealed class GalleryClusterTests(SiloFixture silo)
{
    [Fact]
    public async Task A_person_who_was_enrolled_under_two_names_is_found_and_an_erased_one_is_not()
    {
        using TemporaryFolder folder = new();
        string people = RealFaces.LinkSome(folder, people: 6, imagesEach: 2);
        const string gallery = "cli-clusters";
        await silo.RunAsync(ExitCodes.Ok, "enrol", people, "-g", gallery, "--faces", "central", "--on-conflict", "allow");
        foreach ((string name, string picture) in ((string, string)[])[("Astronaut", "astronaut_512x512.png"), ("p-unnamed", "exif_orientation/astronaut_o6.jpg")])
            await silo.RunAsync(ExitCodes.Ok, "enrol", RealFaces.Scene(picture), "-i", name, "-g", gallery, "--faces", "largest", "--on-conflict", "allow");

        Ran json = await silo.RunAsync(ExitCodes.Ok, "galleries", "cluster", gallery, "--json");
        Ran drawn = await silo.RunAsync(ExitCodes.Ok, "galleries", "cluster", gallery);
        Ran all = await silo.RunAsync(ExitCodes.Ok, "galleries", "cluster", gallery, "--all", "--json");
        await silo.RunAsync(ExitCodes.Ok, "identities", "erase", "p-unnamed", "-g", gallery, "--yes");
        Ran after = await silo.RunAsync(ExitCodes.Ok, "galleries", "cluster", gallery, "--json");

        JsonElement job = json.Json.GetProperty("job");
        job.GetProperty("state").GetString().ShouldBe("done");
        job.GetProperty("templates").GetInt32().ShouldBe(14);
        Names(json).ShouldContain("Astronaut, p-unnamed");
        drawn.Out.ShouldContain("Astronaut, p-unnamed");
        drawn.Out.ShouldContain("14 templates of 'cli-clusters' at threshold 0.520");
        all.Json.GetProperty("groups").GetArrayLength().ShouldBe(job.GetProperty("groups").GetInt32());
        all.Json.GetProperty("job").GetProperty("reused").GetInt32().ShouldBe(14);
        Names(after).ShouldNotContain(names => names.Contains("p-unnamed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_gallery_that_is_not_there_is_a_failure_that_helps()
    {
        Ran ran = await silo.RunAsync(ExitCodes.Failed, "galleries", "cluster", "cli-no-such", "--json");

        ran.Problem.GetProperty("type").GetString().ShouldBe("gallery-not-found");
        ran.Problem.GetProperty("next").GetString()!.ShouldContain("facesearch galleries list");
    }

    private static string[] Names(Ran ran) => [.. ran.Json.GetProperty("groups").EnumerateArray()
        .Select(group => string.Join(", ", group.GetProperty("identities").EnumerateArray().Select(name => name.GetString())))];
}
