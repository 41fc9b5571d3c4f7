using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.Cli.Tests.Server;

/// <summary>Backups of a real server by command line.</summary>
public sealed class BackupTests
{
    [Fact]
    public async Task A_backup_is_taken_followed_listed_and_verified_and_a_damaged_one_is_found()
    {
        using TemporaryFolder folder = new();
        string backups = Path.Combine(folder.Path, "backups"), key = Path.Combine(folder.Path, "backup.key");
        await File.WriteAllBytesAsync(key, System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));
        await using ServerProcess server = await ServerProcess.StartAsync(null, $"--Backup:Folder={backups}", $"--Backup:KeyFile={key}");
        await server.CreateGalleryAsync("people", new { model = "external" });
        await server.EnrolAsync("people", "ada", [1, .. new float[127]]);

        Ran made = await RunAsync(ExitCodes.Ok, "backup", "--wait", "--json");
        string id = made.Json.GetProperty("id").GetString()!, place = made.Json.GetProperty("folder").GetString()!;
        place.ShouldBe(Path.Combine(backups, id));
        (made.Json.GetProperty("state").GetString(), made.Json.GetProperty("encrypted").GetBoolean(), made.Json.GetProperty("templates").GetInt64()).ShouldBe(("done", true, 1));
        (await RunAsync(ExitCodes.Ok, "backup", "list", "--json")).Json.GetProperty("items").EnumerateArray().Select(b => b.GetProperty("id").GetString()).ShouldBe([id]);
        (await RunAsync(ExitCodes.Ok, "backup", "list")).Out.ShouldContain(id);
        (await RunAsync(ExitCodes.Ok, "backup", "verify", id)).Out.ShouldContain("Done");
        (await RunAsync(ExitCodes.Ok, "backup", "cancel", id, "--json")).Json.GetProperty("state").GetString().ShouldBe("done", "a finished one is left as it is");
        Directory.Exists(place).ShouldBeTrue();

        string log = Path.Combine(place, "logs", "people", "g1", "s0");
        byte[] bytes = await File.ReadAllBytesAsync(log);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(log, bytes);
        Ran damaged = await RunAsync(ExitCodes.Failed, "backup", "verify", id, "--json");
        damaged.Json.GetProperty("state").GetString().ShouldBe("damaged");
        damaged.Json.GetProperty("reason").GetString()!.ShouldContain("logs/people/g1/s0");
        (await RunAsync(ExitCodes.Failed, "backup", "verify", "nothing", "--json")).Problem.GetProperty("type").GetString().ShouldBe("backup-not-found");

        async Task<Ran> RunAsync(int exitCode, params string[] arguments)
        {
            Ran ran = await Cli.RunAsync([.. arguments, "--server", server.Url]);
            ran.ExitCode.ShouldBe(exitCode, $"{ran.Out}\n{ran.Error}\n{server.Output}");
            return ran;
        }
    }

    [Fact]
    public async Task A_server_without_a_key_for_backups_refuses_and_says_what_to_set()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        Ran refused = await Cli.RunAsync("backup", "--wait", "--json", "--server", server.Url);
        refused.ExitCode.ShouldBe(ExitCodes.Failed);
        JsonElement problem = refused.Problem;
        problem.GetProperty("type").GetString().ShouldBe("backup-refused");
        problem.GetProperty("detail").GetString()!.ShouldContain("Backup:KeyFile");
    }
}
