using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.Cli.Tests.Server;

/// <summary>Galleries, keys and status of a real server; no model is needed.</summary>
[Collection(SiloTests.Name)]
public sealed class AdministrationTests(SiloFixture silo)
{
    [Fact]
    public async Task Status_names_version_and_checks()
    {
        Ran ran = await silo.RunAsync(ExitCodes.Ok, "status", "--json");

        ran.Json.GetProperty("version").GetProperty("api").GetString().ShouldBe("1");
        ran.Json.GetProperty("health").GetProperty("checks").EnumerateArray().Select(check => check.GetProperty("name").GetString()).ShouldContain("storage");
    }

    [Fact]
    public async Task A_gallery_is_created_changed_described_listed_and_deleted()
    {
        const string id = "cli-galleries";
        await silo.RunAsync(ExitCodes.Ok, "galleries", "create", id, "--model", "external", "--target-fpir", "0.02", "--description", "a test");
        Ran again = await silo.RunAsync(ExitCodes.Failed, "galleries", "create", id, "--model", "external", "--json");
        again.Problem.GetProperty("type").GetString().ShouldBe("gallery-exists");
        again.Problem.GetProperty("status").GetInt32().ShouldBe(409);

        Ran changed = await silo.RunAsync(ExitCodes.Ok, "galleries", "change", id, "--score", "0.6", "--json");
        changed.Json.GetProperty("settings").GetProperty("threshold").GetProperty("score").GetDouble().ShouldBe(0.6, 1e-6);
        changed.Json.GetProperty("settings").GetProperty("description").GetString().ShouldBe("a test");

        (await silo.RunAsync(ExitCodes.Ok, "galleries", "describe", id)).Out.ShouldContain("fixed score 0.600");
        Ran list = await silo.RunAsync(ExitCodes.Ok, "galleries", "list", "--json");
        list.Json.GetProperty("items").EnumerateArray().Select(gallery => gallery.GetProperty("id").GetString()).ShouldContain(id);
        (await silo.RunAsync(ExitCodes.Ok, "galleries", "calibrate", id, "--json")).Json.GetProperty("source").GetString().ShouldBe("fixed");

        await silo.RunAsync(ExitCodes.Ok, "galleries", "delete", id, "--yes");
        Ran gone = await silo.RunAsync(ExitCodes.Failed, "galleries", "describe", id);
        gone.Error.ShouldContain("facesearch galleries list");
    }

    [Fact]
    public async Task Keys_are_made_once_seen_demanded_and_revoked()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        string[] at = ["--server", server.Url, "--json"];

        Ran admin = await Cli.RunAsync(["keys", "create", "root", "--role", "admin", .. at]);
        admin.ExitCode.ShouldBe(ExitCodes.Ok, admin.Error);
        string key = admin.Json.GetProperty("key").GetString()!;
        Dictionary<string, string> withKey = new() { ["FACESEARCH_KEY"] = key };
        Ran reader = await Cli.RunWithAsync(withKey, ["keys", "create", "door", "--role", "identify", .. at]);
        string readerId = reader.Json.GetProperty("id").GetString()!;

        Ran without = await Cli.RunAsync(["galleries", "list", .. at]);
        without.ExitCode.ShouldBe(ExitCodes.Failed);
        without.Problem.GetProperty("type").GetString().ShouldBe("unauthenticated");
        without.Problem.GetProperty("next").GetString()!.ShouldContain("FACESEARCH_KEY");

        Ran forbidden = await Cli.RunAsync(["galleries", "create", "g", "--key", reader.Json.GetProperty("key").GetString()!, .. at]);
        forbidden.Problem.GetProperty("type").GetString().ShouldBe("forbidden");

        JsonElement[] keys = [.. (await Cli.RunWithAsync(withKey, ["keys", "list", .. at])).Json.GetProperty("items").EnumerateArray()];
        keys.Select(item => item.GetProperty("role").GetString()).Order().ShouldBe(["admin", "identify"]);
        keys.ShouldAllBe(item => !item.GetRawText().Contains(key));

        string adminId = admin.Json.GetProperty("id").GetString()!;
        (await Cli.RunWithAsync(withKey, ["keys", "revoke", adminId, .. at])).Problem.GetProperty("type").GetString().ShouldBe("last-admin-key");
        (await Cli.RunWithAsync(withKey, ["keys", "revoke", readerId, .. at])).ExitCode.ShouldBe(ExitCodes.Ok);
        (await Cli.RunWithAsync(withKey, ["keys", "list", .. at])).Json.GetProperty("items").GetArrayLength().ShouldBe(1);
    }
}
