using System.Text.Json;

namespace FaceSearch.Cli.Tests.Server;

/// <summary>Who is this? A real server with real people.</summary>
[Collection(SiloTests.Name)]
public sealed class RecognitionTests(SiloFixture silo)
{
    [Fact]
    public async Task A_known_face_is_a_match_a_stranger_is_unknown_and_the_exit_code_tells_them_apart()
    {
        using TemporaryFolder folder = new();
        string people = RealFaces.LinkSome(folder, people: 6, imagesEach: 1);
        const string gallery = "cli-identify";
        await silo.RunAsync(ExitCodes.Ok, "enrol", people, "-g", gallery, "--faces", "central");
        await silo.RunAsync(ExitCodes.Ok, "enrol", RealFaces.Scene("astronaut_512x512.png"), "-i", "Astronaut", "-g", gallery, "--metadata", "job=astronaut", "--on-conflict", "allow");
        string turned = RealFaces.Scene("exif_orientation/astronaut_o6.jpg");

        Ran known = await silo.RunAsync(ExitCodes.Ok, "identify", turned, "-g", gallery, "--json");
        Ran filtered = await silo.RunAsync(ExitCodes.NoMatch, "identify", turned, "-g", gallery, "--filter", "job=baker", "--json");
        Ran crowd = await silo.RunAsync(ExitCodes.NoMatch, "identify", RealFaces.Scene("solvay_1927_1024x741.jpg"), turned, "-g", gallery);

        JsonElement result = known.Json.GetProperty("files")[0].GetProperty("answer").GetProperty("results")[0];
        result.GetProperty("decision").GetString().ShouldBe("match");
        result.GetProperty("candidates")[0].GetProperty("identity").GetString().ShouldBe("Astronaut");
        result.GetProperty("candidates")[0].GetProperty("score").GetDouble().ShouldBeGreaterThan(0.99);
        result.GetProperty("threshold").GetProperty("fmr").GetDouble().ShouldBeInRange(1e-9, 0.01);
        filtered.Json.GetProperty("files")[0].GetProperty("answer").GetProperty("results")[0].GetProperty("decision").GetString().ShouldBe("unknown");
        crowd.Out.ShouldContain("unknown");
        crowd.Out.ShouldContain("Astronaut");
    }

    [Fact]
    public async Task A_picture_without_a_face_is_an_answer_of_its_own_and_spoils_no_other()
    {
        using TemporaryFolder folder = new();
        const string gallery = "cli-noface";
        await silo.RunAsync(ExitCodes.Ok, "enrol", RealFaces.Scene("astronaut_512x512.png"), "-i", "Astronaut", "-g", gallery);
        string broken = folder.Write("broken.jpg", "no picture"u8.ToArray());

        Ran ran = await silo.RunAsync(ExitCodes.Failed, "identify", broken, RealFaces.Scene("astronaut_512x512.png"), "-g", gallery, "--json");

        ran.Json.GetProperty("files")[0].GetProperty("problem").GetProperty("type").GetString().ShouldBe("image-rejected");
        ran.Json.GetProperty("files")[1].GetProperty("answer").GetProperty("results").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task Two_pictures_and_a_picture_and_a_person_are_compared()
    {
        const string gallery = "cli-verify";
        string upright = RealFaces.Scene("exif_orientation/astronaut_o1.jpg");
        using TemporaryFolder folder = new();
        string somebody = Directory.GetFiles(RealFaces.LinkSome(folder, people: 1, imagesEach: 1), "*", SearchOption.AllDirectories).Single();
        await silo.RunAsync(ExitCodes.Ok, "enrol", upright, "-i", "Astronaut", "-g", gallery);

        Ran same = await silo.RunAsync(ExitCodes.Ok, "verify", upright, RealFaces.Scene("exif_orientation/astronaut_o8.jpg"), "--json");
        Ran different = await silo.RunAsync(ExitCodes.NoMatch, "verify", upright, somebody);
        Ran person = await silo.RunAsync(ExitCodes.Ok, "verify", upright, "--identity", "Astronaut", "-g", gallery);
        Ran nobody = await silo.RunAsync(ExitCodes.Failed, "verify", upright, "--identity", "Nobody", "-g", gallery);

        same.Json.GetProperty("score").GetDouble().ShouldBeGreaterThan(0.99);
        different.Out.ShouldStartWith("Different people: score ");
        person.Out.ShouldStartWith("The same person: score ");
        nobody.Error.ShouldContain("facesearch identities list");
    }

    [Fact]
    public async Task Every_face_of_a_group_is_detected()
    {
        Ran ran = await silo.RunAsync(ExitCodes.Ok, "detect", RealFaces.Scene("solvay_1927_1024x741.jpg"), "--json");

        ran.Json.GetProperty("files")[0].GetProperty("answer").GetProperty("faces").GetArrayLength().ShouldBe(29);
    }

    [Fact]
    public async Task Metadata_is_changed_key_by_key_and_a_template_can_be_removed()
    {
        const string gallery = "cli-people";
        await silo.RunAsync(ExitCodes.Ok, "enrol", RealFaces.Scene("astronaut_512x512.png"), "-i", "Astronaut", "-g", gallery, "--metadata", "job=astronaut", "--metadata", "badge=7");

        Ran changed = await silo.RunAsync(ExitCodes.Ok, "identities", "metadata", "Astronaut", "-g", gallery, "--set", "job=engineer", "--remove", "badge", "--json");
        string template = changed.Json.GetProperty("templates")[0].GetProperty("id").GetString()!;
        Ran removed = await silo.RunAsync(ExitCodes.Ok, "identities", "remove-template", "Astronaut", template, "-g", gallery, "--yes", "--json");
        Ran read = await silo.RunAsync(ExitCodes.Ok, "identities", "get", "Astronaut", "-g", gallery, "--json");

        changed.Json.GetProperty("metadata").EnumerateObject().Select(pair => (pair.Name, pair.Value.GetString())).ShouldBe([("job", "engineer")]);
        removed.Json.GetProperty("templatesErased").GetInt32().ShouldBe(1);
        read.Json.GetProperty("templates").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task The_server_s_models_are_shown_with_the_active_embedder()
    {
        _ = SharedData.Folder;
        Ran ran = await silo.RunAsync(ExitCodes.Ok, "models", "show", "--json");

        ran.Json.GetProperty("items").EnumerateArray()
            .Where(model => model.GetProperty("kind").GetString() == "embedder").Select(model => model.GetProperty("status").GetString()).ShouldContain("active");
    }
}
